#include "scaffold.hpp"

#include "template_files.hpp"

#include <algorithm>

namespace {

constexpr std::string_view shared_folder = "common";

std::string_view folder_of(const template_file& file) {
  return file.path.substr(0, file.path.find('/'));
}

void replace_all(std::string& text, std::string_view placeholder, std::string_view value) {
  for (auto at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + value.size()))
    text.replace(at, placeholder.size(), value);
}

/// Does a project of the kind have the template? A file of the kind replaces the shared one.
bool is_used(const template_file& file, std::string_view kind) {
  auto folder = folder_of(file);
  if (folder != shared_folder)
    return folder == kind;
  auto own = std::string{kind}.append(file.path.substr(folder.size()));
  return std::ranges::find(template_files(), own, &template_file::path) == template_files().end();
}

/// The sources of the project itself, without its test.
std::string sources_of(const std::vector<project_file>& files) {
  std::string sources;
  for (auto& file : files)
    if (file.path.ends_with(".cpp") && !file.path.ends_with("_test.cpp"))
      sources += (sources.empty() ? "" : " ") + file.path;
  return sources;
}

} // namespace

std::vector<std::string> scaffold_kinds() {
  std::vector<std::string> kinds;
  for (auto& file : template_files())
    if (auto folder = folder_of(file);
        folder != shared_folder && std::ranges::find(kinds, folder) == kinds.end())
      kinds.emplace_back(folder);
  return kinds;
}

std::vector<project_file> scaffold(std::string_view kind, std::string_view name) {
  std::vector<project_file> files;
  for (auto& file : template_files()) {
    if (!is_used(file, kind))
      continue;
    auto begin = folder_of(file).size() + 1;
    files.push_back({std::string{file.path.substr(begin)}, std::string{file.text}});
    replace_all(files.back().path, "NAME", name);
  }
  auto sources = sources_of(files);
  for (auto& file : files) {
    replace_all(file.text, "@NAME@", name);
    replace_all(file.text, "@KIND@", kind);
    replace_all(file.text, "@SOURCES@", sources);
  }
  return files;
}
