"""BATCH_MATMUL."""

from __future__ import annotations

from renode_mnist.codegen.tflm.registration import Registration

REGISTRATION = Registration(method="AddBatchMatMul")
