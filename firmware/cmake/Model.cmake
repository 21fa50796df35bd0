# Target `generated_model`: model_config.hpp and the sources in GENERATED_SOURCES, made of MODEL by
# renode_mnist.codegen.
#
# It runs when CMake configures, not when ninja builds: a model that an engine cannot take is refused before
# anything is compiled. It runs again when the model or the generator changes.
set(GENERATED_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_library(generated_model INTERFACE)

if(ENGINE STREQUAL "test" OR ENGINE STREQUAL "calibration")
  target_include_directories(generated_model INTERFACE ${ENGINE_DIRECTORY})
else()
  if(NOT EXISTS "${MODEL}")
    refuse("There is no model ${MODEL}" "Give a .tflite file by -DMODEL=..., or make one with `renode-mnist export`.")
  endif()
  file(GLOB_RECURSE codegen_sources CONFIGURE_DEPENDS ${RENODE_MNIST_PACKAGE}/codegen/*.py)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${MODEL} ${codegen_sources})
  execute_process(
    COMMAND ${python_command} -m renode_mnist.codegen "${MODEL}" "--name=${MODEL_NAME}" --engine ${ENGINE} --objective ${OBJECTIVE}
      --flash-bytes ${FLASH_BYTES} --arena-bytes ${ARENA_BYTES} "--kernel=${KERNEL}" --output ${GENERATED_DIRECTORY}
    RESULT_VARIABLE status ERROR_VARIABLE problem)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${problem}")
  endif()
  file(GLOB GENERATED_SOURCES ${GENERATED_DIRECTORY}/*.cpp)
  target_include_directories(generated_model INTERFACE ${GENERATED_DIRECTORY})
endif()

# Target `builtin_digit`: the picture of the console's CMD=2 as builtin_digit.hpp.
set(digit_header ${CMAKE_BINARY_DIR}/digit/builtin_digit.hpp)
if(NOT EXISTS ${DIGIT})
  refuse("There is no picture ${DIGIT}" "Give a grey 28x28 PNG by -DDIGIT=...")
endif()
add_custom_command(
  OUTPUT ${digit_header}
  COMMAND ${python_command} -m renode_mnist.codegen.builtin_digit ${DIGIT} --output ${digit_header}
  DEPENDS ${DIGIT} ${RENODE_MNIST_PACKAGE}/codegen/builtin_digit.py
  COMMENT "builtin_digit.hpp"
  VERBATIM)
add_custom_target(digit_code DEPENDS ${digit_header})
add_library(builtin_digit INTERFACE)
add_dependencies(builtin_digit digit_code)
target_include_directories(builtin_digit INTERFACE ${CMAKE_BINARY_DIR}/digit)
