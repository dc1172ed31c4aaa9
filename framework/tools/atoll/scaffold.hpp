#pragma once

#include <string>
#include <string_view>
#include <vector>

struct project_file {
  std::string path; ///< relative to the project's folder
  std::string text;
};

/// The kinds of projects that `atoll new` makes: the folders of `templates/` but `common`.
std::vector<std::string> scaffold_kinds();

/// The files of a new project: those of `templates/KIND`, and those of `templates/common` that the
/// kind has no file of the same name for. The name is in place of NAME in a path and of @NAME@ in a
/// text, the kind in place of @KIND@, and the sources in place of @SOURCES@.
/// @pre kind is one of `scaffold_kinds()`, and name is as a plugin's name may be
std::vector<project_file> scaffold(std::string_view kind, std::string_view name);
