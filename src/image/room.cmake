# JPEG, PNG, GIF and WebP need libraries; -DLINCE_IMAGE=OFF leaves them out, and BMP stays.
if(NOT TARGET li_image)
  return()
endif()

# The same bits everywhere: TensorFlow rounds after every product.
set(floats ${CMAKE_CURRENT_SOURCE_DIR}/image)
set_source_files_properties(
  ${floats}/resize.c ${floats}/resize_area.c ${floats}/resize_cubic.c ${floats}/resize_linear.c ${floats}/resize_sample.c
  ${floats}/augment.c ${floats}/convert.c ${floats}/crop.c ${floats}/load.c
  PROPERTIES COMPILE_OPTIONS "-ffp-contract=off;-O3")

set(codecs ${floats}/jpeg.c ${floats}/png.c ${floats}/gif.c ${floats}/webp.c)
if(NOT LINCE_IMAGE)
  set_source_files_properties(${codecs} PROPERTIES HEADER_FILE_ONLY TRUE)
  return()
endif()

pkg_check_modules(JPEG REQUIRED IMPORTED_TARGET GLOBAL libjpeg)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET GLOBAL libpng)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET GLOBAL libwebp libwebpdemux)
# giflib brings no .pc file.
find_path(GIF_INCLUDE gif_lib.h REQUIRED)
find_library(GIF_LIBRARY gif REQUIRED)
mark_as_advanced(GIF_INCLUDE GIF_LIBRARY)

target_compile_definitions(li_image PUBLIC LINCE_IMAGE)
target_include_directories(li_image SYSTEM PRIVATE ${JPEG_INCLUDE_DIRS} ${PNG_INCLUDE_DIRS} ${WEBP_INCLUDE_DIRS} ${GIF_INCLUDE})
set_property(GLOBAL PROPERTY LINCE_LIBRARIES_image PkgConfig::JPEG PkgConfig::PNG PkgConfig::WEBP ${GIF_LIBRARY})
