#include "engine/reference/dynamic_range.hpp"

#include <algorithm>
#include <cmath>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

constexpr float kMost = 127.0F;

DynamicScale symmetric_scale(float range) {
  if (range == 0.0F) return {{1.0F, 0}, 0.0F};
  return {{range / kMost, 0}, kMost / range};
}

DynamicScale asymmetric_scale(float least, float greatest) {
  if (least == greatest) return {{1.0F, 0}, 0.0F};
  // In double, as there: the zero point is the rounding of a quotient. A few operations a layer.
  const double low = static_cast<double>(least);
  const double high = static_cast<double>(greatest);
  const double step = (high - low) / 255.0;
  const double from_low = -128.0 - low / step;
  const double from_high = 127.0 - high / step;
  const bool low_is_closer = 128.0 + std::fabs(low / step) < 127.0 + std::fabs(high / step);
  const double exact = std::min(std::max(low_is_closer ? from_low : from_high, -128.0), 127.0);
  const float zero_point = static_cast<float>(std::round(exact));
  const float scale = static_cast<float>(step);
  return {{scale, static_cast<std::int32_t>(zero_point)}, 1.0F / scale};
}

}  // namespace

DynamicScale dynamic_scale(bool asymmetric, float least, float greatest) {
  return asymmetric ? asymmetric_scale(least, greatest) : symmetric_scale(std::max(-least, greatest));
}

Affine quantise_dynamically(bool asymmetric, const float* values, std::int32_t count, std::int8_t* quantised) {
  float least = 0.0F;
  float greatest = 0.0F;
  for (std::int32_t i = 0; i < count; ++i) {
    least = std::min(least, values[i]);
    greatest = std::max(greatest, values[i]);
  }
  const DynamicScale scale = dynamic_scale(asymmetric, least, greatest);
  if (scale.inverse == 0.0F) {
    std::fill_n(quantised, count, std::int8_t{0});
    return scale.affine;
  }
  const Clamp range{asymmetric ? -kMost - 1.0F : -kMost, kMost};
  const auto zero_point = static_cast<float>(scale.affine.zero_point);
  for (std::int32_t i = 0; i < count; ++i) {
    quantised[i] =
        static_cast<std::int8_t>(clamp(std::round(zero_point + unfused(values[i] * scale.inverse)), range));
  }
  return scale.affine;
}

float hybrid_output(std::int32_t sum, std::int32_t channel, const Hybrid& hybrid, const Affine& input,
                    const float* bias) {
  const float scale = input.scale * hybrid.weight_scales[hybrid.per_channel ? channel : 0];
  const float total = unfused(static_cast<float>(sum) * scale) + (bias != nullptr ? bias[channel] : 0.0F);
  return clamp(total, hybrid.clamp);
}

}  // namespace reference
