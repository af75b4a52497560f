# Cross building for aarch64 in the root that tools/ci-aarch64.sh unpacks; tests run under qemu.
#   cmake --toolchain cmake/aarch64.cmake -DLINCE_AARCH64_ROOT=FOLDER
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LINCE_AARCH64_ROOT)
set(triplet aarch64-linux-gnu)

set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_SYSROOT ${LINCE_AARCH64_ROOT})
set(CMAKE_C_LIBRARY_ARCHITECTURE ${triplet})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${LINCE_AARCH64_ROOT})

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${LINCE_AARCH64_ROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${LINCE_AARCH64_ROOT}/usr/lib/${triplet}/pkgconfig:${LINCE_AARCH64_ROOT}/usr/share/pkgconfig)
