# `make deb`: a Debian package with all that is installed, and what a machine needs to run nodes as services.
install(FILES cmake/package/dfsd@.service DESTINATION lib/systemd/system)
install(FILES cmake/package/sysusers.conf DESTINATION lib/sysusers.d RENAME atoll.conf)
install(DIRECTORY cmake/package/example/ DESTINATION share/atoll/configs/service)
install(FILES LICENSE DESTINATION share/doc/atoll RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME atoll)
set(CPACK_PACKAGE_CONTACT "The Atoll authors <atoll@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Plugin-based actor framework, and a distributed file system")
set(CPACK_PACKAGE_DESCRIPTION "Atoll runs replicated, balanced services whose consensus protocol, balancer and recovery \
scheme are plugins. DFS is the distributed file system that it assembles: dfsd runs a node, dfs stores and reads files, \
atoll verifies plugins. The headers and libraries for plugins and services are in this package, too.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # CAF is linked statically
# What building a service needs; a plugin needs a compiler and CMake alone.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, cmake, pkg-config, libboost-filesystem1.81-dev, libboost-system1.81-dev, \
libtomlplusplus-dev, librocksdb-dev, libisal-dev, libssl-dev, libfmt-dev, libspdlog-dev, libexpected-dev, libcli11-dev")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${PROJECT_SOURCE_DIR}/cmake/package/postinst" "${PROJECT_SOURCE_DIR}/cmake/package/prerm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
