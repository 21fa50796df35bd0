// engine.hpp over TensorFlow Lite Micro's interpreter.
#include "engine/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <new>

#include "engine/tflm/tflm.hpp"
#include "engine/tflm/weights.hpp"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace engine {
namespace {

// TFLM_ARENA_BYTES is 0 unless the user says otherwise. The bookkeeping is mostly pointers.
constexpr std::size_t kArenaBytes = TFLM_ARENA_BYTES > 0 ? std::size_t{TFLM_ARENA_BYTES}
                                                         : model_config::kArenaBytes +
                                                               model_config::kBookkeepingBytes*(sizeof(void*) / 4);
alignas(16) std::uint8_t arena[kArenaBytes];

// Room for objects that init() constructs: as plain statics they would run constructors before the clock and the
// RAM are set up, and bring in destructors that never run.
alignas(tflm::Resolver) std::byte resolver_room[sizeof(tflm::Resolver)];
alignas(tflite::MicroInterpreter) std::byte interpreter_room[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter* interpreter;

ModelInfo info;

// The invocation under way.
LayerDone layer_done;
void* layer_done_context;
std::size_t layer;

bool matches(const TfLiteTensor* tensor, const TensorInfo& expected) {
  return tensor != nullptr && tensor->bytes == expected.byte_count;
}

bool edge_matches() {
  if (interpreter->inputs_size() != info.input_count || interpreter->outputs_size() != info.output_count)
    return false;
  for (std::size_t i = 0; i < info.input_count; ++i) {
    if (!matches(interpreter->input(i), info.inputs[i])) return false;
  }
  for (std::size_t i = 0; i < info.output_count; ++i) {
    if (!matches(interpreter->output(i), info.outputs[i])) return false;
  }
  return true;
}

}  // namespace

const char kEngineName[] = "tflm (" TFLM_KERNELS " kernels)";

const ModelInfo& model() { return info; }

const char* init() {
  info = tflm::description();
  const tflite::Model* network = tflite::GetModel(tflm_flatbuffer);
  if (network->version() != TFLITE_SCHEMA_VERSION) return "the model's schema version is not TFLM's";
  auto* resolver = new (resolver_room) tflm::Resolver;
  if (!tflm::add_operators(*resolver)) return "TFLM took not every operator";
  interpreter = new (interpreter_room) tflite::MicroInterpreter(network, *resolver, arena, sizeof arena);
  // Without error strings TFLM does not say what failed; that the arena is too small is by far the commonest.
  if (interpreter->AllocateTensors() != kTfLiteOk)
    return "TFLM could not prepare the model: build with a greater TFLM_ARENA_BYTES, or with "
           "TFLM_KERNELS=reference";
  if (!edge_matches()) return "TFLM sees other tensors than codegen did";
  info.arena_bytes = interpreter->arena_used_bytes() - info.state_bytes;
  return nullptr;
}

void* input(std::size_t index) { return interpreter->input(index)->data.data; }

const void* output(std::size_t index) { return interpreter->output(index)->data.data; }

void reset_state() { interpreter->Reset(); }

// Where the interpreter puts which tensor codegen does not know.
Memory arena_memory() { return {nullptr, 0}; }

void invoke(LayerDone done, void* context) {
  layer_done = done;
  layer_done_context = context;
  layer = 0;
  // Kernels check their operands in prepare(), which has passed: a failure here is a defect, so stop at it.
  if (interpreter->Invoke() != kTfLiteOk) __builtin_trap();
}

}  // namespace engine

namespace tflm {

void operator_done() {
  if (engine::layer_done != nullptr) engine::layer_done(engine::layer_done_context, engine::layer);
  ++engine::layer;
}

}  // namespace tflm
