pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET GLOBAL libisal)
target_link_libraries(li_base PRIVATE PkgConfig::ISAL)
set_property(GLOBAL PROPERTY LINCE_LIBRARIES_base PkgConfig::ISAL)
