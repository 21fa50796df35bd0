# Target `build_info`: build_info.hpp with what the firmware reports of its own making. It is looked at in every
# build (the commit may have changed) and written only when it differs.
set(build_info_header ${CMAKE_BINARY_DIR}/build_info/build_info.hpp)
if(CMAKE_CROSSCOMPILING)
  set(build_info_board ${BOARD})
else()
  set(build_info_board host)
endif()
string(TOUPPER ${CMAKE_BUILD_TYPE} build_type)
# What the engine is compiled with: the machine, the build type, and its own optimisation.
get_target_property(engine_options engine COMPILE_OPTIONS)
set(build_info_flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
foreach(option IN LISTS engine_options)
  if(option MATCHES "^-[Ofm]")
    string(APPEND build_info_flags " ${option}")
  endif()
endforeach()
string(STRIP "${build_info_flags}" build_info_flags)
find_package(Git QUIET)
set(RELEASE ${own_commit} CACHE STRING "What the image names as its commit where its sources are in no git repository")

add_custom_target(build_info_code
  COMMAND ${CMAKE_COMMAND}
    -DHEADER=${build_info_header} -DSOURCE=${CMAKE_SOURCE_DIR} -DGIT=${GIT_EXECUTABLE}
    "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "-DFLAGS=${build_info_flags}"
    -DBOARD=${build_info_board} -DCLOCK_MHZ=${CLOCK_MHZ} -DRELEASE=${RELEASE}
    -P ${CMAKE_CURRENT_LIST_DIR}/write_build_info.cmake
  BYPRODUCTS ${build_info_header}
  VERBATIM)
add_library(build_info INTERFACE)
add_dependencies(build_info build_info_code)
target_include_directories(build_info INTERFACE ${CMAKE_BINARY_DIR}/build_info)
