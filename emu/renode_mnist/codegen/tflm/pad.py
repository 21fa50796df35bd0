"""PAD."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration, wants_constant

REGISTRATION = Registration(int8=True, refuses=wants_constant(1))
