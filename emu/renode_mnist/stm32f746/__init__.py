"""The chip: memory map and peripherals for the embedded emulator, platform description for Renode."""
