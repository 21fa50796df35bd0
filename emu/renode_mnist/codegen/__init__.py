"""From a .tflite file to C++: read, plan, emit; knows no target."""
