# Target `reference_kernels`, for engine `reference` and for engines that fall back on its kernels.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_library(reference_kernels STATIC ${sources})
target_link_libraries(reference_kernels PRIVATE project_options PUBLIC engine_interface m)
# Results are compared with a PC's to 1e-5: one step of difference in a quantised input would show.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/dynamic_range.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
