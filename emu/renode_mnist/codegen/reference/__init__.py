"""Engine ``reference``: the yardstick. Its kernels' calls stand with the operators, in ``codegen/operators``."""
