# What goes into an installation beside programs and plugins, which say so themselves: the framework's libraries and
# public headers for find_package(Atoll), manual pages and completions, configurations to begin with, and documents.
include(CMakePackageConfigHelpers)

# atoll_install_library(NAME [NEEDS library…] [PACKAGES "package argument…"…] [PKGCONFIG module…]): installs the
# target atoll_NAME as Atoll::NAME, with the headers in include/atoll/NAME.
# NEEDS: all libraries of the framework that it stands on, installed by lines above
# PACKAGES, PKGCONFIG: what a consumer must find to link it, as for find_package and pkg_check_modules
function(atoll_install_library name)
  cmake_parse_arguments(arg "" "" "NEEDS;PACKAGES;PKGCONFIG" ${ARGN})
  if(NOT TARGET Atoll::${name})
    add_library(Atoll::${name} ALIAS atoll_${name})
  endif()
  set_target_properties(atoll_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS atoll_${name} EXPORT Atoll_${name} ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(EXPORT Atoll_${name} NAMESPACE Atoll:: FILE Atoll_${name}.cmake DESTINATION ${Atoll_PACKAGE_DIR})
  if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/framework/include/atoll/${name}")
    install(DIRECTORY "framework/include/atoll/${name}" DESTINATION include/atoll
      FILES_MATCHING PATTERN "*.hpp")
  endif()
  string(APPEND Atoll_LIBRARY_TABLE "list(APPEND Atoll_LIBRARIES ${name})\n")
  foreach(what NEEDS PACKAGES PKGCONFIG)
    string(APPEND Atoll_LIBRARY_TABLE "set(Atoll_${name}_${what} \"${arg_${what}}\")\n")
  endforeach()
  set(Atoll_LIBRARY_TABLE "${Atoll_LIBRARY_TABLE}" PARENT_SCOPE)
endfunction()

atoll_install_library(spi)
atoll_install_library(core NEEDS spi
  PACKAGES "Boost 1.81 COMPONENTS filesystem system" fmt spdlog tl-expected RocksDB Threads
  PKGCONFIG tomlplusplus libisal)
atoll_install_library(net NEEDS spi core PACKAGES OpenSSL)
atoll_install_library(caf PACKAGES "CAF 0.18.7 COMPONENTS core")
atoll_install_library(runtime NEEDS spi core net caf)
atoll_install_library(node NEEDS spi core net caf runtime)
atoll_install_library(keep NEEDS spi)
atoll_install_library(sim NEEDS spi core keep)
atoll_install_library(verify NEEDS spi core keep sim)
atoll_install_library(compare NEEDS spi core keep sim)

install(EXPORT Atoll_programs NAMESPACE Atoll:: DESTINATION ${Atoll_PACKAGE_DIR})

# A CAF that setup.sh built goes along, out of the way of any other: nobody else has this one. An installed Atoll
# looks for CAF there, or else where it was when Atoll was built.
set(Atoll_CAF_DIR "${CAF_DIR}")
cmake_path(IS_PREFIX deps "${CAF_DIR}" NORMALIZE caf_is_ours)
if(caf_is_ours)
  set(Atoll_CAF_DIR "${CMAKE_INSTALL_LIBDIR}/atoll/caf/lib/cmake/CAF")
  cmake_path(GET CAF_DIR PARENT_PATH caf_prefix) # PREFIX/lib/cmake/CAF
  cmake_path(GET caf_prefix PARENT_PATH caf_prefix)
  cmake_path(GET caf_prefix PARENT_PATH caf_prefix)
  install(DIRECTORY "${caf_prefix}/include" "${caf_prefix}/lib" DESTINATION "${CMAKE_INSTALL_LIBDIR}/atoll/caf")
endif()

configure_package_config_file(cmake/AtollConfig.cmake.in "${CMAKE_BINARY_DIR}/AtollConfig.cmake"
  INSTALL_DESTINATION ${Atoll_PACKAGE_DIR})
# Before version 1.0 each minor version may change what a plugin is compiled against.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/AtollConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_BINARY_DIR}/AtollConfig.cmake"
  "${CMAKE_BINARY_DIR}/AtollConfigVersion.cmake"
  cmake/AtollPlugin.cmake
  DESTINATION ${Atoll_PACKAGE_DIR})

# Manual pages and completions tell what the programs' --help does.
set(share "${CMAKE_BINARY_DIR}/share")
foreach(program atoll dfs dfsd)
  set(page "${share}/man/man1/${program}.1")
  add_custom_command(OUTPUT "${page}"
    COMMAND cmake/command_docs/walk.sh $<TARGET_FILE:${program}> ${PROJECT_VERSION} "${share}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    DEPENDS ${program} cmake/command_docs/walk.sh cmake/command_docs/parse.awk cmake/command_docs/man.awk
      cmake/command_docs/bash.awk cmake/command_docs/zsh.awk
    VERBATIM)
  list(APPEND pages "${page}")
endforeach()
add_custom_target(command_docs ALL DEPENDS ${pages})
add_dependencies(programs command_docs)
install(DIRECTORY "${share}/man" "${share}/bash-completion" "${share}/zsh" DESTINATION share)
# Where Debian's zsh looks below /usr.
install(DIRECTORY "${share}/zsh/site-functions/" DESTINATION share/zsh/vendor-completions)

install(DIRECTORY configs DESTINATION share/atoll
  FILES_MATCHING PATTERN "*.toml" PATTERN "run" EXCLUDE PATTERN "data" EXCLUDE)
# The documents, and what they link to, where they stand in this tree.
set(doc_dir share/doc/atoll)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE SECURITY.md DESTINATION ${doc_dir})
install(DIRECTORY docs plugins DESTINATION ${doc_dir})
install(DIRECTORY tests/author/lowest_id tests/author/job_queue tests/author/job_queue_proof
  tests/author/digger tests/author/gateway tests/author/runners DESTINATION ${doc_dir}/tests/author)
install(CODE "file(CREATE_LINK ../../atoll/configs
  \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${doc_dir}/configs\" SYMBOLIC)")
