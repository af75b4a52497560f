# protoc-c turns src/proto/*.proto into <proto/*.pb-c.h> in the build tree, for every room that includes proto/proto.h.
if(NOT TARGET li_proto)
  return()
endif()
find_program(PROTOC_C protoc-c REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET GLOBAL libprotobuf-c)

set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated}/proto)
file(GLOB protos CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/proto/*.proto)
set(messages)
foreach(proto ${protos})
  string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${generated}/${proto})
  add_custom_command(
    OUTPUT ${stem}.c ${stem}.h
    COMMAND ${PROTOC_C} --proto_path=${CMAKE_CURRENT_SOURCE_DIR} --c_out=${generated} ${proto}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS ${protos}
    VERBATIM)
  set_source_files_properties(${stem}.c PROPERTIES COMPILE_OPTIONS "-w")
  list(APPEND messages ${stem}.c ${stem}.h)
endforeach()
target_sources(li_proto PRIVATE ${messages})
add_custom_target(proto_messages DEPENDS ${messages})
add_dependencies(li_proto proto_messages)

target_include_directories(li_proto SYSTEM PUBLIC ${generated} ${PROTOBUF_C_INCLUDE_DIRS})
foreach(user bundle model train api)
  if(TARGET li_${user})
    target_include_directories(li_${user} SYSTEM PRIVATE ${generated} ${PROTOBUF_C_INCLUDE_DIRS})
    add_dependencies(li_${user} proto_messages)
  endif()
endforeach()
set_property(GLOBAL APPEND PROPERTY LINCE_LIBRARIES_proto PkgConfig::PROTOBUF_C)
