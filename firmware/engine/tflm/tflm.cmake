# TensorFlow Lite Micro as a static library, for the engine `tflm`, whose CMakeLists.txt has the settings TFLM_KERNELS and
# TFLM_KERNEL_OPTIMISATION.
include_guard(GLOBAL)
include(${CMAKE_SOURCE_DIR}/cmake/pinned_source.cmake)
include(${CMAKE_SOURCE_DIR}/engine/cmsis_nn/cmsis_nn.cmake)

set(TFLM_COMMIT 90b983c2b3f1480642e040bbd2ddb37b998f3424)
set(TFLM_DIGEST 764ea72618ffc972411800bb9accbcca8c77978f0d9cf7b8ee2347dd02660e72)
# The commits that upstream's scripts name for it.
set(TFLM_GEMMLOWP_COMMIT 719139ce755a0f31cbf1c37f7f98adcc7fc9f425)
set(TFLM_GEMMLOWP_DIGEST 28836d6810c17fa8bf61cc13e2bb794ca7c7b597573fb04301d33192acc77e84)
set(TFLM_RUY_COMMIT d37128311b445e758136b8602d1bbd2a755e115d)
set(TFLM_RUY_DIGEST 3fe1764bae7f9ec0ab5655f460b4f61daa6798779070c6acbe674270f615f925)
set(TFLM_CMSIS_NN_COMMIT 4ab83cc3cc98fb85ed6dafb55e8ca02f1628dcae)
set(TFLM_CMSIS_NN_DIGEST 5def7cfc800d1198fde96a0602e0f3c850041ef8b7575ea33f4ebf2bca4fb90f)

# _kernels_of_operators(<result> <folder>)
#
# The sources in upstream's <folder> that register an operator of codegen, also one that others compute at build time, CMSIS-NN's variants where they are wanted,
# and what goes with them. An archive member that the model does not ask for is not linked.
function(_kernels_of_operators result folder)
  execute_process(
    COMMAND ${python_command} -c "from renode_mnist.codegen import operators; print(*operators.known(), sep='|')"
    OUTPUT_VARIABLE names OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(kernels "")
  file(GLOB candidates "${folder}/*.cc")
  foreach(source IN LISTS candidates)
    file(STRINGS "${source}" registered REGEX "^TFLMRegistration Register_(${names})\\(\\)" LIMIT_COUNT 1)
    if(NOT registered)
      continue()
    endif()
    cmake_path(GET source STEM operator)
    if(TFLM_KERNELS STREQUAL "cmsis-nn" AND EXISTS "${folder}/cmsis_nn/${operator}.cc")
      set(source "${folder}/cmsis_nn/${operator}.cc")
    endif()
    list(APPEND kernels "${source}")
    if(EXISTS "${folder}/${operator}_common.cc")
      list(APPEND kernels "${folder}/${operator}_common.cc")
    endif()
  endforeach()
  # What UNIDIRECTIONAL_SEQUENCE_LSTM calls.
  foreach(source lstm_eval lstm_eval_common micro_tensor_utils)
    list(APPEND kernels "${folder}/${source}.cc")
  endforeach()
  set(${result} "${kernels}" PARENT_SCOPE)
endfunction()

# add_tflm(<target>)
#
# Upstream's `release` build: NDEBUG, no error strings, core at -Os, kernels at -O2. The schema's header is generated
# anew by this project's flatc, so that one version of flatbuffers is in the image and none is downloaded.
function(add_tflm target)
  pinned_source(TFLM tensorflow/tflite-micro ${TFLM_COMMIT} tensorflow/lite/micro/micro_interpreter.cc ${TFLM_DIGEST})
  if(NOT TFLM_REFUSAL)
    pinned_source(GEMMLOWP google/gemmlowp ${TFLM_GEMMLOWP_COMMIT} fixedpoint/fixedpoint.h ${TFLM_GEMMLOWP_DIGEST})
  endif()
  if(NOT TFLM_REFUSAL AND NOT GEMMLOWP_REFUSAL)
    pinned_source(RUY google/ruy ${TFLM_RUY_COMMIT} ruy/profiler/instrumentation.h ${TFLM_RUY_DIGEST})
  endif()
  foreach(name TFLM GEMMLOWP RUY)
    if(${name}_REFUSAL)
      refuse("ENGINE=tflm: ${${name}_REFUSAL}" "${${name}_REMEDY} Or choose another engine, such as reference.")
    endif()
  endforeach()

  set(lite "${TFLM_SOURCE_DIR}/tensorflow/lite")
  set(mlir "${TFLM_SOURCE_DIR}/tensorflow/compiler/mlir/lite")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/tflm")
  set(schema "${generated}/tensorflow/lite/schema/schema_generated.h")
  add_custom_command(OUTPUT "${schema}"
    COMMAND "${flatc}" --cpp --gen-object-api --no-union-value-namespacing
      -o "${generated}/tensorflow/lite/schema" "${mlir}/schema/schema.fbs"
    DEPENDS "${mlir}/schema/schema.fbs" VERBATIM)
  # Every object depends on the header through this target.
  add_custom_target(${target}_schema DEPENDS "${schema}")

  set(micro
    arena_allocator/non_persistent_arena_buffer_allocator arena_allocator/persistent_arena_buffer_allocator
    arena_allocator/single_arena_buffer_allocator flatbuffer_utils kernels/kernel_util memory_helpers
    memory_planner/greedy_memory_planner memory_planner/linear_memory_planner micro_allocation_info micro_allocator
    micro_context micro_interpreter micro_interpreter_context micro_interpreter_graph micro_op_resolver
    micro_resource_variable micro_utils tflite_bridge/flatbuffer_conversions_bridge tflite_bridge/micro_error_reporter)
  set(core
    core/api/flatbuffer_conversions core/api/tensor_utils core/c/common kernels/internal/common
    kernels/internal/portable_tensor_utils kernels/internal/quantization_util
    kernels/internal/reference/portable_tensor_utils kernels/internal/runtime_shape kernels/internal/tensor_ctypes
    kernels/internal/tensor_utils kernels/kernel_util)
  list(TRANSFORM micro PREPEND "${lite}/micro/")
  list(TRANSFORM core PREPEND "${lite}/")
  set(sources ${micro} ${core} "${mlir}/schema/schema_utils" "${mlir}/core/api/error_reporter")
  list(TRANSFORM sources APPEND ".cc")
  if(CMAKE_CROSSCOMPILING)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/engine/tflm/abort.cpp)
  endif()

  _kernels_of_operators(kernels "${lite}/micro/kernels")
  add_library(${target}_kernels OBJECT EXCLUDE_FROM_ALL ${kernels})
  target_compile_options(${target}_kernels PRIVATE ${TFLM_KERNEL_OPTIMISATION})
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${sources} $<TARGET_OBJECTS:${target}_kernels>)
  target_compile_options(${target} PRIVATE -Os)
  foreach(library ${target} ${target}_kernels)
    add_dependencies(${library} ${target}_schema)
    target_compile_features(${library} PUBLIC cxx_std_17)
    # -w: upstream's warnings are not this project's to mend.
    target_compile_options(${library} PRIVATE -w -fno-exceptions -fno-rtti -fno-threadsafe-statics
      -fno-use-cxa-atexit -ffunction-sections -fdata-sections)
    target_compile_definitions(${library} PUBLIC NDEBUG TF_LITE_STATIC_MEMORY TF_LITE_STRIP_ERROR_STRINGS
      TF_LITE_DISABLE_X86_NEON FLATBUFFERS_LOCALE_INDEPENDENT=0 FLATBUFFERS_PREFER_PRINTF=1
      $<$<STREQUAL:${TFLM_KERNELS},cmsis-nn>:CMSIS_NN>)
    # `generated` stands first: its schema_generated.h goes before upstream's, which asks for flatbuffers 25.9.23.
    target_include_directories(${library} SYSTEM PUBLIC "${generated}" "${TFLM_SOURCE_DIR}"
      "${flatbuffers_include}" "${GEMMLOWP_SOURCE_DIR}" "${RUY_SOURCE_DIR}")
  endforeach()
  target_link_libraries(${target} PUBLIC m)
  if(TFLM_KERNELS STREQUAL "cmsis-nn")
    # Its kernels call functions that the release in the PyPI package (12.5.1) does not have yet.
    add_cmsis_nn(${target}_cmsis_nn COMMIT ${TFLM_CMSIS_NN_COMMIT} DIGEST ${TFLM_CMSIS_NN_DIGEST}
      NEEDS arm_fully_connected_wrapper_s8
      REMEDY "Or choose another engine, such as reference (or, calling CMake yourself, -DTFLM_KERNELS=reference).")
    target_link_libraries(${target} PUBLIC ${target}_cmsis_nn)
    target_link_libraries(${target}_kernels PUBLIC ${target}_cmsis_nn)
  endif()
endfunction()
