"""Engine ``cmsis-nn``: Arm's CMSIS-NN for int8, the reference kernels for what it lacks.

The calls work with every release from 6.0 on. Arithmetic is TensorFlow Lite Micro's to the bit, in both.
"""
