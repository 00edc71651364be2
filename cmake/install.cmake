# SPDX-License-Identifier: MIT
# What `cmake --install` lays down: both libraries, the headers, a CMake package and two pkg-config
# files. Nothing in them names the prefix, so an installed tree may be moved as a whole.
option(MILLPOND_INSTALL "Install the library along with what is built here" ${PROJECT_IS_TOP_LEVEL})
if(NOT MILLPOND_INSTALL)
    return()
endif()
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/millpond)

# Before 1.0 a minor version may change the ABI.
set_target_properties(millpond millpond_unchecked PROPERTIES
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
install(TARGETS millpond millpond_unchecked EXPORT millpondTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/millpond DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.hpp")

install(EXPORT millpondTargets NAMESPACE millpond:: DESTINATION ${package_dir})
configure_package_config_file(
    ${CMAKE_CURRENT_LIST_DIR}/millpondConfig.cmake.in ${PROJECT_BINARY_DIR}/millpondConfig.cmake
    INSTALL_DESTINATION ${package_dir}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/millpondConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/millpondConfig.cmake
    ${PROJECT_BINARY_DIR}/millpondConfigVersion.cmake DESTINATION ${package_dir})

# A .pc file finds its prefix from where it lies; an absolute folder is the packager's wish and is
# kept as it is.
function(millpond_pkg_config_folder variable folder)
    if(IS_ABSOLUTE ${folder})
        set(${variable} ${folder} PARENT_SCOPE)
    else()
        set(${variable} "\${prefix}/${folder}" PARENT_SCOPE)
    endif()
endfunction()

function(millpond_install_pkg_config name target description)
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" up ${up})
    set(prefix "\${pcfiledir}/${up}")
    if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
        set(prefix ${CMAKE_INSTALL_PREFIX})
    endif()
    millpond_pkg_config_folder(libdir ${CMAKE_INSTALL_LIBDIR})
    millpond_pkg_config_folder(includedir ${CMAKE_INSTALL_INCLUDEDIR})
    set(definitions $<TARGET_PROPERTY:${target},INTERFACE_COMPILE_DEFINITIONS>)
    set(flags "-D$<JOIN:${definitions}, -D>")
    # The flags are a generator expression: only the generator can spell them out.
    set(made ${PROJECT_BINARY_DIR}/${name}.pc)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/millpond.pc.in ${made}.in @ONLY)
    file(GENERATE OUTPUT ${made} INPUT ${made}.in)
    install(FILES ${made} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

millpond_install_pkg_config(millpond millpond "${PROJECT_DESCRIPTION}")
millpond_install_pkg_config(millpond-unchecked millpond_unchecked
    "${PROJECT_DESCRIPTION}, with every check compiled out")
