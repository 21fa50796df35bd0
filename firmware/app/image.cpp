#include "image.hpp"

#include "crc32.hpp"
#include "port.hpp"

namespace app::image {
namespace {

// Of a section of its own, since renode_mnist.program.seal looks for it there once the image is linked. Volatile,
// as the compiler would take its initial value for what it holds.
[[gnu::section(".image_check"), gnu::used]] const volatile std::uint32_t kStated = 0xFFFF'FFFF;

Check last;

}  // namespace

const Check& check() {
  const std::uint32_t begun = port::counter();
  const auto* own = reinterpret_cast<const std::uint8_t*>(const_cast<const std::uint32_t*>(&kStated));
  std::uint32_t crc = crc32::kInitial;
  last = Check{kStated, 0, 0, 0};
  const auto take = [&crc](const std::uint8_t* begin, const std::uint8_t* end) {
    crc = crc32::update(crc, begin, static_cast<std::size_t>(end - begin));
    last.byte_count += static_cast<std::uint32_t>(end - begin);
  };
  port::Bytes part{};
  for (std::size_t i = 0; port::constant_part(i, part); ++i) {
    const std::uint8_t* end = part.bytes + part.count;
    const bool holds_own = own >= part.bytes && own < end;
    take(part.bytes, holds_own ? own : end);
    if (holds_own) take(own + sizeof(kStated), end);
  }
  last.computed = ~crc;
  last.counter = port::counter() - begun;
  return last;
}

bool whole() { return last.computed == last.stated; }

}  // namespace app::image
