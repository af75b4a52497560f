# liblince.so and liblince.a, from the objects of all rooms. Both show lince_ names only.
get_property(rooms GLOBAL PROPERTY LINCE_ROOMS)
set(objects)
set(libraries)
foreach(name ${rooms})
  list(APPEND objects $<TARGET_OBJECTS:li_${name}>)
  get_property(more GLOBAL PROPERTY LINCE_LIBRARIES_${name})
  list(APPEND libraries ${more})
endforeach()
list(REMOVE_DUPLICATES libraries)

set(map ${PROJECT_SOURCE_DIR}/cmake/lince.map)
add_library(liblince SHARED ${objects})
add_library(lince::lince ALIAS liblince)
set_target_properties(liblince PROPERTIES
  OUTPUT_NAME lince
  EXPORT_NAME lince
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C
  LINK_DEPENDS ${map}
  LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
target_include_directories(liblince INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(liblince PRIVATE ${libraries} Threads::Threads m)
target_link_options(liblince PRIVATE -Wl,--version-script=${map} -Wl,--as-needed -Wl,-z,relro,-z,now)
if(NOT LINCE_SANITIZE) # whose runtime is found in the program
  target_link_options(liblince PRIVATE -Wl,--no-undefined)
endif()

# An archive has no version script: its objects are linked into one, and every other name in that is made local. It
# depends on the shared library, made of the same objects: Makefiles know no object files of other targets.
set(archive ${PROJECT_BINARY_DIR}/liblince.a)
set(whole ${CMAKE_CURRENT_BINARY_DIR}/lince.o)
add_custom_command(OUTPUT ${archive}
  COMMAND ${CMAKE_LINKER} -r -o ${whole} ${objects}
  COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=lince_*" ${whole}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
  COMMAND ${CMAKE_AR} qcs ${archive} ${whole}
  DEPENDS liblince
  COMMENT "Linking liblince.a" COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(liblince_static ALL DEPENDS ${archive})

# What a program that links the archive must add, as names for -l: a PkgConfig target's own list, others by file name.
set(static_libraries)
foreach(library ${libraries})
  if(library MATCHES "^PkgConfig::(.*)$")
    list(APPEND static_libraries ${${CMAKE_MATCH_1}_STATIC_LIBRARIES})
  else()
    get_filename_component(name ${library} NAME_WE)
    string(REGEX REPLACE "^lib" "" name ${name})
    list(APPEND static_libraries ${name})
  endif()
endforeach()
list(APPEND static_libraries m)
list(REMOVE_DUPLICATES static_libraries)

# ---- Installing ------------------------------------------------------------------------------------------------------

include(CMakePackageConfigHelpers)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/lince)
list(TRANSFORM static_libraries PREPEND "-l" OUTPUT_VARIABLE static_flags)
list(JOIN static_flags " " static_flags)
file(RELATIVE_PATH pc_to_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(${PROJECT_SOURCE_DIR}/cmake/lince.pc.in ${PROJECT_BINARY_DIR}/lince.pc @ONLY)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lince-config.cmake.in ${PROJECT_BINARY_DIR}/lince-config.cmake
  INSTALL_DESTINATION ${config_folder} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lince-config-version.cmake COMPATIBILITY SameMinorVersion)

file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h)
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS liblince EXPORT lince LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${PROJECT_BINARY_DIR}/lince.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(EXPORT lince NAMESPACE lince:: FILE lince-targets.cmake DESTINATION ${config_folder})
install(FILES ${PROJECT_BINARY_DIR}/lince-config.cmake ${PROJECT_BINARY_DIR}/lince-config-version.cmake
  DESTINATION ${config_folder})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
