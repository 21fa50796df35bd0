"""Engine ``tflm``: TensorFlow Lite Micro's interpreter over the file itself.

Nothing is computed by generated code. It says which operators the interpreter must know, what the application has
to know of the model at compile time, and how large the arena must be at most. A file here that is named as an
operator's own says what differs from the usual in the interpreter's kernel for it.
"""
