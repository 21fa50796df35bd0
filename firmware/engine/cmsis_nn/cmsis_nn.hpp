// CMSIS-NN's int8 functions, as generated code calls them: what is known at compile time in one constexpr struct,
// then pointers. A status other than success means that a plan broke the library's contract; there is nothing to
// recover, so that it stops there.
//
// `multipliers` and `shifts` hold one entry a channel: the library takes non-const pointers and only reads.
#pragma once

#include <cstdint>

#include "arm_nnfunctions.h"

namespace cmsis_nn {

struct Convolution {
  cmsis_nn_conv_params parameters;
  cmsis_nn_dims input;
  cmsis_nn_dims filter;
  cmsis_nn_dims output;
};

struct DepthwiseConvolution {
  cmsis_nn_dw_conv_params parameters;
  cmsis_nn_dims input;
  cmsis_nn_dims filter;
  cmsis_nn_dims output;
};

struct FullyConnected {
  cmsis_nn_fc_params parameters;
  cmsis_nn_per_tensor_quant_params output_factor;
  cmsis_nn_dims input;
  cmsis_nn_dims filter;
  cmsis_nn_dims output;
};

struct Pool {
  cmsis_nn_pool_params parameters;
  cmsis_nn_dims input;
  cmsis_nn_dims filter;
  cmsis_nn_dims output;
};

struct Softmax {
  std::int32_t rows;
  std::int32_t depth;
  std::int32_t multiplier;
  std::int32_t shift;
  std::int32_t diff_min;
};

struct AddTerm {
  std::int32_t offset;
  cmsis_nn_per_tensor_quant_params factor;
};

struct Add {
  AddTerm first;
  AddTerm second;
  std::int32_t output_offset;
  cmsis_nn_per_tensor_quant_params output_factor;
  cmsis_nn_activation activation;
  std::int32_t count;
};

// TensorFlow Lite's kLeftShift of an 8-bit ADD.
inline constexpr std::int32_t kAddLeftShift = 20;

inline void require(arm_cmsis_nn_status status) {
  if (status != ARM_CMSIS_NN_SUCCESS) __builtin_trap();
}

inline cmsis_nn_context context(void* scratch) { return {scratch, 0}; }

inline void convolve(const Convolution& layer, const std::int8_t* input, const std::int8_t* weights,
                     const std::int32_t* bias, const std::int32_t* multipliers, const std::int32_t* shifts,
                     void* scratch, std::int8_t* output) {
  const cmsis_nn_context memory = context(scratch);
  const cmsis_nn_per_channel_quant_params factors{const_cast<std::int32_t*>(multipliers),
                                                  const_cast<std::int32_t*>(shifts)};
  const cmsis_nn_dims bias_shape{1, 1, 1, layer.output.c};
  require(arm_convolve_wrapper_s8(&memory, &layer.parameters, &factors, &layer.input, input, &layer.filter, weights,
                                  &bias_shape, bias, &layer.output, output));
}

inline void depthwise_convolve(const DepthwiseConvolution& layer, const std::int8_t* input,
                               const std::int8_t* weights, const std::int32_t* bias,
                               const std::int32_t* multipliers, const std::int32_t* shifts, void* scratch,
                               std::int8_t* output) {
  const cmsis_nn_context memory = context(scratch);
  const cmsis_nn_per_channel_quant_params factors{const_cast<std::int32_t*>(multipliers),
                                                  const_cast<std::int32_t*>(shifts)};
  const cmsis_nn_dims bias_shape{1, 1, 1, layer.output.c};
  require(arm_depthwise_conv_wrapper_s8(&memory, &layer.parameters, &factors, &layer.input, input, &layer.filter,
                                        weights, &bias_shape, bias, &layer.output, output));
}

inline void fully_connected(const FullyConnected& layer, const std::int8_t* input, const std::int8_t* weights,
                            const std::int32_t* bias, std::int8_t* output) {
  const cmsis_nn_context memory = context(nullptr);
  const cmsis_nn_dims bias_shape{1, 1, 1, layer.output.c};
  require(arm_fully_connected_s8(&memory, &layer.parameters, &layer.output_factor, &layer.input, input,
                                 &layer.filter, weights, &bias_shape, bias, &layer.output, output));
}

inline void max_pool(const Pool& layer, const std::int8_t* input, std::int8_t* output) {
  const cmsis_nn_context memory = context(nullptr);
  require(arm_max_pool_s8(&memory, &layer.parameters, &layer.input, input, &layer.filter, &layer.output, output));
}

inline void average_pool(const Pool& layer, const std::int8_t* input, void* scratch, std::int8_t* output) {
  const cmsis_nn_context memory = context(scratch);
  require(arm_avgpool_s8(&memory, &layer.parameters, &layer.input, input, &layer.filter, &layer.output, output));
}

inline void softmax(const Softmax& layer, const std::int8_t* input, std::int8_t* output) {
  arm_softmax_s8(input, layer.rows, layer.depth, layer.multiplier, layer.shift, layer.diff_min, output);
}

inline void add(const Add& layer, const std::int8_t* first, const std::int8_t* second, std::int8_t* output) {
  require(arm_elementwise_add_s8(first, second, layer.first.offset, layer.first.factor.multiplier,
                                 layer.first.factor.shift, layer.second.offset, layer.second.factor.multiplier,
                                 layer.second.factor.shift, kAddLeftShift, output, layer.output_offset,
                                 layer.output_factor.multiplier, layer.output_factor.shift, layer.activation.min,
                                 layer.activation.max, layer.count));
}

}  // namespace cmsis_nn
