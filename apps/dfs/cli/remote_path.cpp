#include "cli/remote_path.hpp"

namespace dfs::cli {

std::string join_path(std::string directory, std::string_view name) {
  if (!directory.ends_with('/'))
    directory += '/';
  directory += name;
  return directory;
}

std::string last_component(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return std::string{path.substr(path.rfind('/') + 1)};
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view{"/\0", 2}) == name.npos;
}

} // namespace dfs::cli
