# atoll_add_plugin(NAME KIND kind SOURCES file… [LINK library…] [TARGET target])
#
# Builds NAME.so, a plugin for Atoll, and installs it where Atoll looks. NAME is the name that the
# source gives to ATOLL_PLUGIN; KIND is one of Atoll_PLUGIN_KINDS. The target has the plugin's name,
# unless TARGET gives another.
function(atoll_add_plugin name)
  cmake_parse_arguments(arg "" "KIND;TARGET" "SOURCES;LINK" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "atoll_add_plugin(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "atoll_add_plugin(${name}): a plugin's name is [a-z][a-z0-9_]*")
  endif()
  if(NOT arg_KIND IN_LIST Atoll_PLUGIN_KINDS)
    list(JOIN Atoll_PLUGIN_KINDS ", " kinds)
    message(FATAL_ERROR "atoll_add_plugin(${name}): KIND is one of ${kinds}, not '${arg_KIND}'")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "atoll_add_plugin(${name}): SOURCES is missing")
  endif()
  if(NOT arg_TARGET)
    set(arg_TARGET ${name})
  endif()
  add_library(${arg_TARGET} MODULE ${arg_SOURCES})
  target_link_libraries(${arg_TARGET} PRIVATE Atoll::spi ${arg_LINK})
  # A loaded plugin is never unmapped, because objects that it created may outlive its use.
  target_link_options(${arg_TARGET} PRIVATE -Wl,-z,nodelete)
  # Symbols that are missing are an error of the build instead of one when a host loads the plugin.
  # A sanitizer's symbols come from the host's program.
  get_directory_property(options COMPILE_OPTIONS)
  if(NOT "${CMAKE_CXX_FLAGS} ${options}" MATCHES "-fsanitize")
    target_link_options(${arg_TARGET} PRIVATE -Wl,--no-undefined)
  endif()
  # Two plugins in one program must not see each other's names.
  set_target_properties(${arg_TARGET} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  install(TARGETS ${arg_TARGET} LIBRARY DESTINATION "${Atoll_PLUGIN_DIR}")
endfunction()
