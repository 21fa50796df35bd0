#include "engine/reference/unary.hpp"

#include <algorithm>
#include <cmath>

namespace reference {
namespace {

template <typename Function>
void each(std::int32_t count, const float* input, float* output, Function function) {
  std::transform(input, input + count, output, function);
}

}  // namespace

void logistic(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) {
    if (x > 16.619047164916992188F) return 1.0F;  // the next float32 below 1 is further away than the result
    if (x < -9.0F) return std::exp(x);
    return 1.0F / (1.0F + std::exp(-x));
  });
}

void tanh(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::tanh(x); });
}

void hard_swish(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return x * std::min(6.0F, std::max(0.0F, x + 3.0F)) / 6.0F; });
}

void leaky_relu(const LeakyRelu& slope, std::int32_t count, const float* input, float* output) {
  each(count, input, output, [&](float x) { return x > 0.0F ? x : x * slope.alpha; });
}

void elu(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return x < 0.0F ? std::expm1(x) : x; });
}

}  // namespace reference
