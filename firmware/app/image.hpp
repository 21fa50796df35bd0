// Whether code and model in flash are still what was built.
#pragma once

#include <cstdint>

namespace app::image {

struct Check {
  std::uint32_t stated;      // by the build
  std::uint32_t computed;    // now
  std::uint32_t byte_count;  // looked at
  std::uint64_t counter;     // what that took
};

// Computes the checksum anew.
const Check& check();

// What the last check found.
bool whole();

}  // namespace app::image
