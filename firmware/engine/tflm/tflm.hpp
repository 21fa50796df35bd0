// What codegen writes for the engine `tflm`: a description of the network, and the operators that its interpreter
// needs. The network itself is the .tflite file, byte for byte in flash (weights.hpp).
#pragma once

#include "engine/engine.hpp"
#include "model_config.hpp"
#include "tensorflow/lite/micro/kernels/pad.h"  // Register_PAD_INT8(), which the resolver's header leaves out
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace tflm {

using Resolver = tflite::MicroMutableOpResolver<model_config::kOperatorKinds>;

// As codegen read it. `arena_bytes` is what was planned for activations: only the interpreter knows the whole.
const engine::ModelInfo& description();

// Registers each kind of operator of the model once, wrapped by marked().
bool add_operators(Resolver& resolver);

// Told after each operator; defined by engine.cpp.
void operator_done();

// `registration`, reporting each invocation to operator_done(). MicroProfilerInterface would be the obvious way,
// but the interpreter calls it only in builds that keep the error strings. One `inner` a kind, hence the template.
template <int kKind>
TFLMRegistration marked(TFLMRegistration registration) {
  static TfLiteStatus (*inner)(TfLiteContext*, TfLiteNode*);
  inner = registration.invoke;
  registration.invoke = [](TfLiteContext* context, TfLiteNode* node) {
    const TfLiteStatus status = inner(context, node);
    operator_done();
    return status;
  };
  return registration;
}

// The same where the resolver has added a registration of its own choice: what it holds is changed.
template <int kKind>
TfLiteStatus marked_there(const Resolver& resolver, TfLiteStatus added, tflite::BuiltinOperator op) {
  if (added == kTfLiteOk) {
    auto* const held = const_cast<TFLMRegistration*>(resolver.FindOp(op));
    *held = marked<kKind>(*held);
  }
  return added;
}

}  // namespace tflm
