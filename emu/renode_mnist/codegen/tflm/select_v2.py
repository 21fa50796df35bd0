"""SELECT_V2; there is no SELECT."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration, lacks

REGISTRATION = Registration(refuses=lacks("SELECT"))
