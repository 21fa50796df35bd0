# Static libraries of others' sources. Neither the model nor an option of the app changes them, so that the images of one
# compiler and one set of the settings below share them: TensorFlow Lite Micro takes minutes to compile.
#
# Such a library is built in a folder of its own, below THIRD_PARTY, by this very project with -DTHIRD_PARTY_LIBRARY=<name>,
# which knows engine/<name>/<name>.cmake and the function add_<name>(<target>) there, and nothing of an image.
include_guard(GLOBAL)

set(THIRD_PARTY ${CMAKE_BINARY_DIR}/third-party CACHE PATH "Where libraries of others are built; builds may share it")
set(THIRD_PARTY_LIBRARY "" CACHE INTERNAL "Of a build that makes such a library and no image: its name")

# All that changes such a library; what has no value is left out. Sources may be named by the environment as well.
set(third_party_sources TFLM_SOURCE_DIR GEMMLOWP_SOURCE_DIR RUY_SOURCE_DIR CMSIS_NN_SOURCE_DIR)
set(third_party_settings
  CMAKE_TOOLCHAIN_FILE CMAKE_BUILD_TYPE CMAKE_MAKE_PROGRAM CMAKE_C_FLAGS CMAKE_CXX_FLAGS
  ENGINE FPU SANITIZE FUZZ PYTHON TFLM_KERNELS TFLM_KERNEL_OPTIMISATION PINNED_SOURCES_FROM ${third_party_sources})

# third_party(<name>): the imported target <name>.
#
# Built when CMake configures, as the model's sources are made: what cannot be had is refused before anything of the
# image is compiled.
function(third_party name)
  set(settings "")
  set(told "${CMAKE_SOURCE_DIR} ${CMAKE_GENERATOR} ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}")
  if(NOT CMAKE_TOOLCHAIN_FILE)
    set(settings -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER} -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})
  endif()
  get_cmake_property(cached CACHE_VARIABLES)
  list(FILTER cached INCLUDE REGEX "^FETCHCONTENT_(SOURCE_DIR_|FULLY_DISCONNECTED$)")
  foreach(setting IN LISTS third_party_settings cached)
    if(NOT "${${setting}}" STREQUAL "")
      list(APPEND settings "-D${setting}=${${setting}}")
    endif()
  endforeach()
  foreach(setting IN LISTS third_party_sources)
    string(APPEND told " $ENV{${setting}}")
  endforeach()
  string(SHA256 digest "${told} ${settings}")
  string(SUBSTRING ${digest} 0 12 digest)
  set(folder "${THIRD_PARTY}/${name}-${digest}")

  file(LOCK "${folder}.lock" GUARD FUNCTION)
  message(STATUS "${name}: ${folder}")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_SOURCE_DIR} -B ${folder} -G ${CMAKE_GENERATOR}
      -DTHIRD_PARTY_LIBRARY=${name} ${settings}
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder} --target ${name} COMMAND_ERROR_IS_FATAL ANY)
  include(${folder}/${name}.cmake)
endfunction()

# third_party_library(): what the project is in such a build.
function(third_party_library)
  include(${CMAKE_SOURCE_DIR}/engine/${THIRD_PARTY_LIBRARY}/${THIRD_PARTY_LIBRARY}.cmake)
  cmake_language(CALL add_${THIRD_PARTY_LIBRARY} ${THIRD_PARTY_LIBRARY})
  # And those that it is made with.
  get_directory_property(targets BUILDSYSTEM_TARGETS)
  set(libraries "")
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL STATIC_LIBRARY)
      list(APPEND libraries ${target})
    endif()
  endforeach()
  export(TARGETS ${libraries} FILE ${CMAKE_BINARY_DIR}/${THIRD_PARTY_LIBRARY}.cmake)
endfunction()
