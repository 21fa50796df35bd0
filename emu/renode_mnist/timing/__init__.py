"""From instructions to cycles on the Cortex-M7."""
