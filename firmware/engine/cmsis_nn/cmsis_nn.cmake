# Arm's CMSIS-NN as a static library, for the engine `cmsis-nn` and for `tflm` with its kernels.
include_guard(GLOBAL)
include(${CMAKE_SOURCE_DIR}/cmake/pinned_source.cmake)

# Release 6.0.0 (24.02). The wheel below carries the same files, byte for byte.
set(CMSIS_NN_COMMIT 3b4e406b144f006f916004584350e869e79f016c)
set(CMSIS_NN_DIGEST 8db375801ac7fd83ab8d573829a19999fb2bd2e9369e774e1231e63383620955)
set(cmsis_nn_package aidge_export_arm_cortexm)

# add_cmsis_nn(<target> [COMMIT <commit> DIGEST <digest>] [NEEDS <function>] [REMEDY <text>])
#
# Sources, in this order: -DCMSIS_NN_SOURCE_DIR=..., the Python package (unless COMMIT asks for another release),
# GitHub. NEEDS names a function that a folder given by the user must declare; REMEDY is a caller's way round.
function(add_cmsis_nn target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMMIT;DIGEST;NEEDS;REMEDY" "")
  set(commit ${CMSIS_NN_COMMIT})
  set(digest ${CMSIS_NN_DIGEST})
  if(arg_COMMIT)
    set(commit ${arg_COMMIT})
    set(digest ${arg_DIGEST})
  endif()
  if(commit STREQUAL CMSIS_NN_COMMIT AND NOT CMSIS_NN_SOURCE_DIR AND NOT DEFINED ENV{CMSIS_NN_SOURCE_DIR})
    _find_in_package(CMSIS_NN_SOURCE_DIR)
  endif()
  set(header Include/arm_nnfunctions.h)
  pinned_source(CMSIS_NN ARM-software/CMSIS-NN ${commit} ${header} ${digest})
  if(NOT CMSIS_NN_REFUSAL AND arg_NEEDS)
    file(STRINGS ${CMSIS_NN_SOURCE_DIR}/${header} found REGEX ${arg_NEEDS} LIMIT_COUNT 1)
    if(NOT found)
      set(CMSIS_NN_REFUSAL "${CMSIS_NN_SOURCE_DIR} is too old: it has no ${arg_NEEDS}")
      set(CMSIS_NN_REMEDY
        "Set the environment variable CMSIS_NN_SOURCE_DIR to a checkout of github.com/ARM-software/CMSIS-NN at ${commit}.")
    endif()
  endif()
  if(CMSIS_NN_REFUSAL)
    refuse("ENGINE=${ENGINE}: ${CMSIS_NN_REFUSAL}" "${CMSIS_NN_REMEDY} ${arg_REMEDY}")
  endif()
  message(STATUS "CMSIS-NN: ${CMSIS_NN_SOURCE_DIR}")

  # Globbed because releases differ in their files; a pinned tree does not change under the build.
  file(GLOB_RECURSE sources ${CMSIS_NN_SOURCE_DIR}/Source/*.c)
  list(FILTER sources EXCLUDE REGEX "_(f16|f32|flt)\\.c$")
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${sources})
  # -O3 and -Ofast cost 0.1 % more instructions on mnist_int8. -w: upstream's warnings are not this project's to mend.
  target_compile_options(${target} PRIVATE -O2 -w -ffunction-sections -fdata-sections)
  target_compile_definitions(${target} PUBLIC ARM_NN_ENABLE_F16=0 ARM_NN_ENABLE_F32=0)
  # The root too: TensorFlow Lite Micro includes "Include/arm_nnfunctions.h".
  target_include_directories(${target} SYSTEM PUBLIC ${CMSIS_NN_SOURCE_DIR}/Include ${CMSIS_NN_SOURCE_DIR})
endfunction()

# Sets <result> to the folder in the Python package, if that is installed. find_spec does not import it: what it
# depends on is not installed.
function(_find_in_package result)
  execute_process(
    COMMAND ${python_command} -c
      "import importlib.util as u; s = u.find_spec('${cmsis_nn_package}'); print(*s.submodule_search_locations if s else '')"
    OUTPUT_VARIABLE package OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(directory ${package}/_CMSIS-NN/CMSIS-NN)
  if(package AND EXISTS ${directory}/Include/arm_nnfunctions.h)
    set(${result} ${directory} PARENT_SCOPE)
  endif()
endfunction()
