"""RESIZE_NEAREST_NEIGHBOR."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration, wants_constant

REGISTRATION = Registration(refuses=wants_constant(1), fixed=True)
