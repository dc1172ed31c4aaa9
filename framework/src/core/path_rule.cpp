#include "path_rule.hpp"

#include <atoll/core/config_value.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace atl {

namespace {

bool begins_variable(std::string_view rest) {
  auto c = rest.size() < 2 ? ' ' : rest[1];
  return c == '{' || c == '(' || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool names_variable(std::string_view path) {
  for (auto at = path.find('$'); at != path.npos; at = path.find('$', at + 1))
    if (begins_variable(path.substr(at)))
      return true;
  return false;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

} // namespace

std::optional<std::string> path_refusal(std::string_view path) {
  auto refused = [&](std::string_view why) {
    return fmt::format("is {}{}", toml_quote(path), why);
  };
  if (path.empty())
    return refused(", and must name a path");
  if (std::any_of(path.begin(), path.end(), is_control))
    return refused(", and a path here holds no control characters");
  if (path.front() == '~')
    return refused(", and '~' is not replaced by a home folder here; write the path out");
  if (names_variable(path))
    return refused(", and variables of the environment are not replaced here; write the path out");
  return std::nullopt;
}

std::filesystem::path absolute_folder_of(const std::filesystem::path& file) {
  namespace fs = std::filesystem;
  std::error_code problem;
  auto folder = fs::absolute(file, problem).parent_path();
  auto canonical = fs::weakly_canonical(folder, problem);
  return problem ? folder.lexically_normal() : canonical;
}

} // namespace atl
