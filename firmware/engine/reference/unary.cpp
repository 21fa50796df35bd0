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

void gelu(const Gelu& gelu, std::int32_t count, const float* input, float* output) {
  constexpr float kMinusHalfRoot = -0.70710678118654752440F;  // -1 / sqrt(2)
  constexpr float kRootTwoOverPi = 0.79788456080286535588F;
  if (gelu.approximate) {
    each(count, input, output,
         [](float x) { return 0.5F * x * (1.0F + std::tanh(kRootTwoOverPi * (x + 0.044715F * x * x * x))); });
    return;
  }
  each(count, input, output, [](float x) { return 0.5F * x * std::erfc(x * kMinusHalfRoot); });
}

void abs(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::fabs(x); });
}

void neg(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return -x; });
}

void exp(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::exp(x); });
}

void log(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::log(x); });
}

void sqrt(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::sqrt(x); });
}

void rsqrt(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return 1.0F / std::sqrt(x); });
}

void square(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return x * x; });
}

void sin(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::sin(x); });
}

void cos(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::cos(x); });
}

void floor(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::floor(x); });
}

void ceil(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) { return std::ceil(x); });
}

void round(std::int32_t count, const float* input, float* output) {
  each(count, input, output, [](float x) {
    const float below = std::floor(x);
    const float past = x - below;
    const bool up = past > 0.5F || (past == 0.5F && std::fmod(below, 2.0F) != 0.0F);
    return up ? below + 1.0F : below;
  });
}

}  // namespace reference
