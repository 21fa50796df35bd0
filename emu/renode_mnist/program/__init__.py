"""What an ELF says of itself without being run: build identity, symbols, debug information, sources."""
