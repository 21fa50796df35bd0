"""CALL_ONCE."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration, no_variables

REGISTRATION = Registration(refuses=no_variables)
