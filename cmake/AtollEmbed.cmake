# atoll_embed_templates(TARGET FOLDER): makes the files NAME.in below FOLDER a part of the program: its function
# template_files() lists them by their NAME. As a script (cmake -DFOLDER=… -DOUTPUT=… -P) this file writes the source with that function.
function(atoll_embed_templates target folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS "${folder}/*.in")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/template_files.cpp")
  add_custom_command(OUTPUT "${source}"
    COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${folder}" "-DOUTPUT=${source}" -P "${PROJECT_SOURCE_DIR}/cmake/AtollEmbed.cmake"
    DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/AtollEmbed.cmake"
    VERBATIM)
  target_sources(${target} PRIVATE "${source}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE files RELATIVE "${FOLDER}" "${FOLDER}/*.in")
  set(source "#include \"template_files.hpp\"\n\nstd::span<const template_file> template_files() {\n")
  string(APPEND source "  static constexpr template_file all[] = {\n")
  foreach(file IN LISTS files)
    file(READ "${FOLDER}/${file}" text)
    string(REGEX REPLACE "\\.in$" "" file "${file}")
    string(APPEND source "      {\"${file}\", R\"template(${text})template\"},\n")
  endforeach()
  string(APPEND source "  };\n  return all;\n}\n")
  file(WRITE "${OUTPUT}" "${source}")
endif()
