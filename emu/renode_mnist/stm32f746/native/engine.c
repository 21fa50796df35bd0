#include "engine.h"

// Unicorn reads and writes 8 bytes for some registers, so each gets as many.
void engine_read(const Engine* engine, const Register* registers, uint32_t* values, int count) {
  int ids[kMostInBatch] = {0};
  uint64_t wide[kMostInBatch] = {0};
  void* places[kMostInBatch] = {0};
  for (int i = 0; i < count; ++i) {
    ids[i] = engine->ids[registers[i]];
    places[i] = &wide[i];
  }
  engine->read(engine->handle, ids, places, count);
  // Through a pointer to 32 bits, which is how Unicorn wrote most of them: right for either order of bytes.
  for (int i = 0; i < count; ++i) values[i] = *(const uint32_t*)places[i];
}

void engine_write(const Engine* engine, const Register* registers, const uint32_t* values, int count) {
  int ids[kMostInBatch] = {0};
  uint64_t wide[kMostInBatch] = {0};
  void* places[kMostInBatch] = {0};
  for (int i = 0; i < count; ++i) {
    ids[i] = engine->ids[registers[i]];
    wide[i] = values[i];
    places[i] = &wide[i];
  }
  engine->write(engine->handle, ids, places, count);
}

void engine_read_state(const Engine* engine, uint32_t values[kStateRegisters]) {
  Register registers[kMostInBatch] = {0};
  for (int first = 0; first < kStateRegisters; first += kMostInBatch) {
    const int left = kStateRegisters - first, count = left < kMostInBatch ? left : kMostInBatch;
    for (int i = 0; i < count; ++i) registers[i] = (Register)(first + i);
    engine_read(engine, registers, values + first, count);
  }
}
