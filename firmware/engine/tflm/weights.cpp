#include "engine/tflm/weights.hpp"

// Assembled in, not emitted as an array: a 370 kB model is 2 MB of C++ and seconds of compilation. Tensors' data
// are read in place, and the schema aligns them to 16 bytes from the start of the file.
asm(R"(
    .pushsection .rodata.tflm_model, "a"
    .balign 16
    .global tflm_flatbuffer
tflm_flatbuffer:
    .incbin ")" TFLM_MODEL_PATH R"("
    .popsection
)");
