# KERNEL_SOURCES: the kernels of engine `reference` that the generated code calls, for it and for engines that fall back on
# them. What x.hpp declares x.cpp defines, so the headers that are included, one by another, name the sources; all of
# them would be half of an image's compile time.

# Appends to <result> the sources behind the headers that a file includes.
function(kernels_behind file result)
  set(found ${${result}})
  file(STRINGS ${file} lines REGEX "^#include \"engine/.+\"")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^#include \"(.+)\".*" "\\1" header "${line}")
    get_property(seen GLOBAL PROPERTY KERNEL_HEADERS)
    if(header IN_LIST seen)
      continue()
    endif()
    set_property(GLOBAL APPEND PROPERTY KERNEL_HEADERS ${header})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${header})
    kernels_behind(${CMAKE_SOURCE_DIR}/${header} found)
    string(REGEX REPLACE "\\.hpp$" ".cpp" source "${CMAKE_SOURCE_DIR}/${header}")
    if(EXISTS ${source})
      list(APPEND found ${source})
      kernels_behind(${source} found)
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

set(KERNEL_SOURCES)
foreach(source IN LISTS GENERATED_SOURCES)
  kernels_behind(${source} KERNEL_SOURCES)
endforeach()
# Without fused multiply-adds floats are rounded as on a PC, so that results can be compared. In dynamic range more
# depends on it than the last bit: a quantised activation may come out a whole step away.
set_source_files_properties(${KERNEL_SOURCES} PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
