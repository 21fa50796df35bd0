"""From records to pictures and verdicts."""
