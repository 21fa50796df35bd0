"""RELU, RELU6 and the two that clamp between other bounds."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration, lacks

REGISTRATION = Registration(refuses=lacks("RELU_N1_TO_1", "RELU_0_TO_1"))
