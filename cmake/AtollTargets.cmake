# What a folder of this tree needs to say about itself, in a line each.

# atoll_library(NAME SOURCES … LINK …): a static library of the framework or the app.
function(atoll_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LINK} PRIVATE $<BUILD_INTERFACE:atoll_flags>)
endfunction()

# atoll_plugin(NAME KIND kind SOURCES … LINK …): a plugin of this tree. It sees the SPI alone.
function(atoll_plugin name)
  cmake_parse_arguments(arg "" "KIND" "" ${ARGN})
  set(target plugin_${arg_KIND}_${name})
  atoll_add_plugin(${name} TARGET ${target} ${ARGN})
  target_link_libraries(${target} PRIVATE atoll_flags)
  set_target_properties(${target} PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${Atoll_PLUGIN_DIR}")
  set_property(GLOBAL APPEND PROPERTY ATOLL_PLUGIN_TARGETS ${target})
endfunction()

# atoll_set_up_test(NAME SECONDS): how long a test may take, and what a sanitizer shall do in it.
function(atoll_set_up_test name seconds)
  if(ATOLL_SANITIZE)
    math(EXPR seconds "${seconds} * 5")
  endif()
  # Tests that fork and go on are none of ThreadSanitizer's business. What `dfs` remembers of the
  # clusters of tests is of no use to the user.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds} ENVIRONMENT
    "XDG_CACHE_HOME=${CMAKE_BINARY_DIR}/tests/cache;\
TSAN_OPTIONS=die_after_fork=0:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp;\
UBSAN_OPTIONS=print_stacktrace=1:print_summary=1")
endfunction()

# atoll_test(NAME SOURCES … LINK … [LABELS …] [TIMEOUT seconds]): a doctest program run by ctest.
function(atoll_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(test_${name} ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE ${arg_LINK} atoll_flags atoll_test_main)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND test_${name} WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  atoll_set_up_test(${name} ${arg_TIMEOUT})
  if(arg_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  endif()
endfunction()
