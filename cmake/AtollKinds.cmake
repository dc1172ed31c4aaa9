# Atoll_PLUGIN_KINDS: the names of the kinds of plugins, and Atoll_PLUGIN_FOLDERS: the folder of each
# below plugins/ and tests/plugins/. Both come from the list in the header of the plugin interface.
set(kinds_header "${PROJECT_SOURCE_DIR}/framework/include/atoll/spi/kinds.hpp")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${kinds_header}")
file(READ "${kinds_header}" text)
string(REGEX MATCHALL "each\\([a-z_]+, [a-z_]+\\)" entries "${text}")
if(NOT entries)
  message(FATAL_ERROR "${kinds_header}: found no each(NAME, FOLDER) in ATOLL_PLUGIN_KINDS")
endif()
string(REGEX REPLACE "each\\(([a-z_]+), [a-z_]+\\)" "\\1" Atoll_PLUGIN_KINDS "${entries}")
string(REGEX REPLACE "each\\([a-z_]+, ([a-z_]+)\\)" "\\1" Atoll_PLUGIN_FOLDERS "${entries}")
