# What goes into an installation beside programs and plugins, which say so themselves: all that the
# author of a plugin needs, the configurations to begin with, and the documents. The framework's own
# headers and libraries stay here.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/Atoll")

install(DIRECTORY framework/include/atoll/spi DESTINATION include/atoll
  FILES_MATCHING PATTERN "*.hpp")
install(TARGETS atoll_spi EXPORT AtollTargets)
install(EXPORT AtollTargets NAMESPACE Atoll:: DESTINATION ${package_dir})

configure_package_config_file(cmake/AtollConfig.cmake.in "${CMAKE_BINARY_DIR}/AtollConfig.cmake"
  INSTALL_DESTINATION ${package_dir})
# Before version 1.0 each minor version may change what a plugin is compiled against.
write_basic_package_version_file("${CMAKE_BINARY_DIR}/AtollConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_BINARY_DIR}/AtollConfig.cmake"
  "${CMAKE_BINARY_DIR}/AtollConfigVersion.cmake"
  cmake/AtollPlugin.cmake
  DESTINATION ${package_dir})

install(DIRECTORY configs DESTINATION share/atoll
  FILES_MATCHING PATTERN "*.toml" PATTERN "run" EXCLUDE PATTERN "data" EXCLUDE)
# The documents, and what they link to, where they stand in this tree.
set(doc_dir share/doc/atoll)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE SECURITY.md DESTINATION ${doc_dir})
install(DIRECTORY docs plugins DESTINATION ${doc_dir})
install(DIRECTORY tests/author/lowest_id DESTINATION ${doc_dir}/tests/author)
install(CODE "file(CREATE_LINK ../../atoll/configs
  \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${doc_dir}/configs\" SYMBOLIC)")
