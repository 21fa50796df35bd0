"""Of what the emulator computes in C of this model: caches, bus, addresses, branch prediction.

An installation has no C sources, so their digest stands here; a test holds it to them. It is part of the model's own
digest, so that figures of different models are told apart.
"""

SOURCES = ("accesses.c", "blocks.h", "counter.c", "memory.c", "memory.h")
"""In ``stm32f746/native``."""
SHA256 = "b87d4a66fa79"
"""The first 12 digits."""
