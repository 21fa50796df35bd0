# cmake -P: writes HEADER unless it already says the same. See BuildInfo.cmake.
set(commit ${RELEASE})
if(GIT)
  # Sources unpacked into somebody else's repository must not pass off its commit as theirs.
  execute_process(COMMAND ${GIT} -C ${SOURCE} ls-files --error-unmatch CMakeLists.txt
    RESULT_VARIABLE untracked OUTPUT_QUIET ERROR_QUIET)
  if(untracked EQUAL 0)
    execute_process(COMMAND ${GIT} -C ${SOURCE} describe --tags --long --match=v[0-9]* --always --abbrev=12 --dirty=+
      OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} @ONLY CONTENT [[
// Written by cmake/write_build_info.cmake.
#pragma once

#include <cstdint>

// Its memcpy and expf are part of an inference, so that counts depend on the library as they do on the compiler.
#if __has_include(<_newlib_version.h>)
#include <_newlib_version.h>
#define BUILD_INFO_LIBRARY ", newlib " _NEWLIB_VERSION
#else
#define BUILD_INFO_LIBRARY ""
#endif

namespace build_info {

inline constexpr char kCommit[] = "@commit@";
inline constexpr char kCompiler[] = "@COMPILER@" BUILD_INFO_LIBRARY;
inline constexpr char kFlags[] = "@FLAGS@";
inline constexpr char kBoard[] = "@BOARD@";
inline constexpr std::uint32_t kCoreClockHz = @CLOCK_MHZ@'000'000;

}  // namespace build_info
]])
