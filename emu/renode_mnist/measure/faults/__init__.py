"""Fault injection on the emulated chip: what a flipped bit, a lost byte or a reset does to an answer."""
