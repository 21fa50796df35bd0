"""Engine ``m7``: this project's kernels for the Cortex-M7.

The files named as an operator's own hold what it computes that by; the others are named as the kernels' headers in
``firmware/engine/m7`` and hold each kernel's costs and the order in which it reads its weights. A layer that several
kernels could compute gets a ``Candidate`` from each, and
``selection`` chooses.
"""
