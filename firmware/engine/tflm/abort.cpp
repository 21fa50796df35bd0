#include <cstdlib>

// TensorFlow Lite Micro's run-time checks end here, and the board reports a fault with its address. newlib's own
// would bring in signals and the heap.
extern "C" void abort() { __builtin_trap(); }
