// Text for the console without printf (which would bring 8 kB and, for floats, malloc).
#pragma once

#include <cstddef>
#include <cstdint>

namespace app {

class Printer {
 public:
  Printer& text(const char* string);
  Printer& text(const char* characters, std::size_t count);
  Printer& number(std::uint32_t value);
  Printer& number(std::int32_t value);
  Printer& hexadecimal(std::uint32_t value);  // eight digits
  Printer& fixed(float value, unsigned decimals);
  Printer& end_line();
};

}  // namespace app
