# The vector sources in simd/ are compiled once for each instruction set of the target, with its flags on these objects only: for each
# a one-line file in the build folder includes the source, so that all of it belongs to this room's one target.
# Contraction is off: where a multiply and an add may fuse, the sources say so, and every instruction set rounds alike.
if(TARGET li_kernels)
  file(GLOB simd_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels/simd/*.c)
  if(LINCE_FUZZER)
    set(simd_sets) # clang takes half an hour over libFuzzer's counters in unrolled bodies; fuzzing runs on ref
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(simd_sets avx2 avx512)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(simd_sets neon)
  endif()
  set(simd_flags_avx2 -mavx2 -mfma)
  set(simd_flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma)
  set(simd_flags_neon)

  # A sanitizer's checks in unrolled bodies take -O3 minutes.
  set(simd_level -O3)
  if(LINCE_SANITIZE OR CMAKE_C_FLAGS MATCHES "-fsanitize")
    set(simd_level -O1)
  endif()

  target_compile_options(li_kernels PRIVATE -ffp-contract=off)
  foreach(set ${simd_sets})
    string(TOUPPER ${set} upper)
    target_compile_definitions(li_kernels PRIVATE LI_HAVE_${upper})
    foreach(source ${simd_sources})
      get_filename_component(name ${source} NAME)
      set(wrapper ${CMAKE_CURRENT_BINARY_DIR}/kernels/${set}/${name})
      file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include <kernels/simd/${name}>\n")
      set_source_files_properties(${wrapper} PROPERTIES
        COMPILE_OPTIONS "${simd_level};${simd_flags_${set}}"
        COMPILE_DEFINITIONS LI_SIMD=${set})
      target_sources(li_kernels PRIVATE ${wrapper})
    endforeach()
  endforeach()

  add_executable(bench_kernels EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/bench/kernels.c $<TARGET_OBJECTS:li_kernels>)
  target_link_libraries(bench_kernels PRIVATE li_kernels m)
endif()
