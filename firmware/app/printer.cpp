#include "printer.hpp"

#include <cmath>
#include <cstring>

#include "port.hpp"

namespace app {

Printer& Printer::text(const char* characters, std::size_t count) {
  port::print(characters, count);
  return *this;
}

Printer& Printer::text(const char* string) { return text(string, std::strlen(string)); }

Printer& Printer::number(std::uint32_t value) {
  char digits[10];
  std::size_t at = sizeof(digits);
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return text(digits + at, sizeof(digits) - at);
}

Printer& Printer::number(std::int32_t value) {
  if (value >= 0) return number(static_cast<std::uint32_t>(value));
  return text("-").number(0 - static_cast<std::uint32_t>(value));
}

Printer& Printer::hexadecimal(std::uint32_t value) {
  char digits[8];
  for (std::size_t i = 0; i < sizeof(digits); ++i) digits[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 0xF];
  return text(digits, sizeof(digits));
}

Printer& Printer::fixed(float value, unsigned decimals) {
  if (std::isnan(value)) return text("nan");
  if (std::signbit(value)) text("-");
  const float magnitude = std::fabs(value);
  if (!(magnitude < 4e9F)) return text(std::isinf(magnitude) ? "inf" : ">4e9");

  std::uint32_t scale = 1;
  for (unsigned i = 0; i < decimals; ++i) scale *= 10;
  auto whole = static_cast<std::uint32_t>(magnitude);
  const float rest = magnitude - static_cast<float>(whole);
  auto fraction = static_cast<std::uint32_t>(rest * static_cast<float>(scale) + 0.5F);
  if (fraction >= scale) {
    fraction -= scale;
    ++whole;
  }
  number(whole).text(".");
  for (std::uint32_t place = scale / 10; place > 1 && fraction < place; place /= 10) text("0");
  return number(fraction);
}

Printer& Printer::end_line() { return text("\r\n"); }

}  // namespace app
