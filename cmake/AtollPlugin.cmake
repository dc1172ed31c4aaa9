# atoll_add_plugin(NAME KIND balancer|consensus|recovery SOURCES file… [LINK library…])
#
# Builds NAME.so, a plugin for Atoll, and installs it where Atoll looks. NAME is the name that the
# source gives to ATOLL_PLUGIN, and a target of that name.
function(atoll_add_plugin name)
  cmake_parse_arguments(arg "" "KIND" "SOURCES;LINK" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "atoll_add_plugin(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
    message(FATAL_ERROR "atoll_add_plugin(${name}): a plugin's name is [a-z][a-z0-9_]*")
  endif()
  if(NOT arg_KIND MATCHES "^(balancer|consensus|recovery)$")
    message(FATAL_ERROR
      "atoll_add_plugin(${name}): KIND is balancer, consensus or recovery, not '${arg_KIND}'")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "atoll_add_plugin(${name}): SOURCES is missing")
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE Atoll::spi ${arg_LINK})
  # Once loaded it stays, for what it made may live on; and what it lacks is found now, not then.
  target_link_options(${name} PRIVATE -Wl,-z,nodelete)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize") # the program brings the sanitizer's runtime
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
  endif()
  # Two plugins in one program must not see each other's names.
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  install(TARGETS ${name} LIBRARY DESTINATION "${Atoll_PLUGIN_DIR}")
endfunction()
