// Comparison of strings without the library's strcmp, which is unrolled to 732 bytes.
#pragma once

namespace app {

inline bool equal(const char* left, const char* right) {
  while (*left != '\0' && *left == *right) {
    ++left;
    ++right;
  }
  return *left == *right;
}

}  // namespace app
