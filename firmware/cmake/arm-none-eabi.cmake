# Toolchain for the Cortex-M7 of the STM32F746: GNU Arm Embedded with newlib-nano.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m7)

find_program(ARM_NONE_EABI_GCC arm-none-eabi-gcc)
if(NOT ARM_NONE_EABI_GCC)
  message(FATAL_ERROR
    "arm-none-eabi-gcc is not on the PATH. `renode-mnist doctor` tells how to install it here.")
endif()
find_program(CMAKE_SIZE arm-none-eabi-size)
set(CMAKE_C_COMPILER ${ARM_NONE_EABI_GCC})
# The C++ compiler is arm-none-eabi-g++, but the C driver links: libstdc++'s own library is not needed.
string(REGEX REPLACE "gcc(|\\.exe)$" "g++\\1" CMAKE_CXX_COMPILER ${ARM_NONE_EABI_GCC})
set(CMAKE_CXX_LINK_EXECUTABLE
  "<CMAKE_C_COMPILER> <FLAGS> <CMAKE_CXX_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FPU)

# DS10916: Cortex-M7 r0p1 with FPv5 single precision. `-mfpu=auto` would give double precision, which traps.
set(FPU "hard" CACHE STRING "hard: FPv5-SP-D16; soft: no floating-point instructions")
if(FPU STREQUAL "soft")
  set(machine_flags "-mcpu=cortex-m7 -mthumb -mfloat-abi=soft")
else()
  set(machine_flags "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard")
endif()
set(CMAKE_C_FLAGS_INIT "${machine_flags}")
set(CMAKE_CXX_FLAGS_INIT "${machine_flags}")
set(CMAKE_ASM_FLAGS_INIT "${machine_flags}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "--specs=nano.specs -nostartfiles -Wl,--gc-sections -Wl,--build-id=sha1")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
