# The options of a build. A combination that cannot work is refused here, with the nearest one that does.

set(MODEL ${CMAKE_SOURCE_DIR}/../models/mnist_int8.tflite CACHE FILEPATH "The .tflite file to compile")
set(ENGINE reference CACHE STRING "What computes the network")
set(OBJECTIVE instructions CACHE STRING "What the planner of engine m7 minimises")
set(BOARD disco-f746ng CACHE STRING "Which UARTs carry the binary line and the console")
set(CLOCK_MHZ 216 CACHE STRING "Core clock; 288 is overclocked, and the article's link crashed at random there")
set(FPU hard CACHE STRING "hard: FPv5-SP-D16; soft: no floating-point instructions")
set(DIGIT ${CMAKE_SOURCE_DIR}/../models/digits/8.png CACHE FILEPATH "The picture that the console's CMD=2 classifies")
option(SANITIZE "Address and undefined-behaviour sanitizers (host only)" OFF)
option(FUZZ "Build the libFuzzer program (host only, clang)" OFF)

set(allowed_ENGINE reference m7 cmsis-nn tflm test)
set(allowed_OBJECTIVE instructions cycles flash)
set(allowed_BOARD disco-f746ng nucleo-f746zg article)
set(allowed_CLOCK_MHZ 216 288)
set(allowed_FPU hard soft)

# refuse(<what is wrong> <what to do>): the one form of a refusal, for engines too.
function(refuse problem remedy)
  message(FATAL_ERROR "${problem}. ${remedy}")
endfunction()

foreach(name ENGINE OBJECTIVE BOARD CLOCK_MHZ FPU)
  set_property(CACHE ${name} PROPERTY STRINGS ${allowed_${name}})
  if(NOT ${name} IN_LIST allowed_${name})
    list(JOIN allowed_${name} ", " choices)
    refuse("${name} cannot be \"${${name}}\"" "Choose one of ${choices}.")
  endif()
endforeach()

if(NOT CMAKE_CROSSCOMPILING AND FPU STREQUAL "soft")
  refuse("FPU=soft is about the microcontroller's floating-point unit, and this builds for the PC"
    "Leave FPU out, or add --toolchain cmake/arm-none-eabi.cmake.")
endif()
if(CMAKE_CROSSCOMPILING AND (SANITIZE OR FUZZ))
  refuse("Sanitizers and fuzzers run on the PC only" "Use the presets host-sanitize and fuzz.")
endif()
if(FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  refuse("libFuzzer comes with clang, and the compiler is ${CMAKE_CXX_COMPILER_ID}"
    "Add -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++.")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

# Release optimises for speed and keeps symbols: they cost nothing in flash, and the profiler needs them.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g -DNDEBUG")
if(SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(ENGINE STREQUAL "test")
  set(ENGINE_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/engine)
else()
  string(REPLACE "-" "_" directory ${ENGINE})
  set(ENGINE_DIRECTORY ${CMAKE_SOURCE_DIR}/engine/${directory})
  if(NOT EXISTS ${ENGINE_DIRECTORY}/CMakeLists.txt)
    refuse("This tree has no engine ${ENGINE}" "Choose ENGINE=reference.")
  endif()
endif()
