# Target `reference_kernels`, for engine `reference` and for engines that fall back on its kernels.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.cpp)
add_library(reference_kernels STATIC ${sources})
target_link_libraries(reference_kernels PRIVATE project_options PUBLIC engine_interface m)
# Without fused multiply-adds floats are rounded as on a PC, so that results can be compared. In dynamic range more
# depends on it than the last bit: a quantised activation may come out a whole step away.
target_compile_options(reference_kernels PRIVATE -ffp-contract=off)
