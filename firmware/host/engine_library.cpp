// The engine behind a C interface: libengine.so, for tests of the kernels from Python (ctypes).
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "engine/engine.hpp"

#define RM_EXPORT extern "C" [[gnu::visibility("default")]]

namespace {

std::uint64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

struct Laps {
  std::uint64_t* counters;
  std::uint64_t last;
};

}  // namespace

// Returns nullptr, or what is wrong; to be called once, before anything else.
RM_EXPORT const char* rm_init() { return engine::init(); }

RM_EXPORT std::size_t rm_input_bytes(std::size_t index) { return engine::model().inputs[index].byte_count; }
RM_EXPORT std::size_t rm_output_bytes(std::size_t index) { return engine::model().outputs[index].byte_count; }
RM_EXPORT std::size_t rm_layer_count() { return engine::model().layer_count; }

// To be written anew before each rm_invoke().
RM_EXPORT void* rm_input(std::size_t index) { return engine::input(index); }
RM_EXPORT const void* rm_output(std::size_t index) { return engine::output(index); }

RM_EXPORT void rm_reset_state() { engine::reset_state(); }

// `layer_nanoseconds` takes rm_layer_count() elements, or is null.
RM_EXPORT void rm_invoke(std::uint64_t* layer_nanoseconds) {
  Laps laps{layer_nanoseconds, nanoseconds()};
  engine::invoke(
      [](void* context, std::size_t layer) {
        auto* state = static_cast<Laps*>(context);
        if (state->counters == nullptr) return;
        const std::uint64_t now = nanoseconds();
        state->counters[layer] = now - state->last;
        state->last = now;
      },
      &laps);
}
