#pragma once

#include <cstdint>

// The .tflite file, byte for byte, aligned to 16.
extern "C" const std::uint8_t tflm_flatbuffer[];
