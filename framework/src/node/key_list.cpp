#include "key_list.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace atl::node {

namespace {

std::string range_of(const key_spec& spec) {
  return option_range({spec.key.c_str(), spec.type, spec.default_value.c_str(),
                       spec.minimum.c_str(), spec.maximum.c_str(), spec.meaning.c_str()});
}

std::string default_of(const key_spec& spec) {
  if (spec.required)
    return "must be written";
  auto value = parse_option(spec.type, spec.default_value);
  if (spec.default_value.empty() || !value)
    return "not set by default";
  return "default " + option_toml(*value, spec.type);
}

std::string description_of(const key_spec& spec) {
  if (spec.is_plugin_options)
    return "a table of the plugin's options ('atoll plugin show NAME' lists them)";
  auto range = range_of(spec);
  return fmt::format("{}{}{}, {}",
                     spec.is_list ? (spec.is_path ? "text or list of " : "list of ") : "",
                     to_string(spec.type), range.empty() ? "" : ", " + range, default_of(spec));
}

} // namespace

std::string key_list(std::span<const key_spec> schema) {
  std::string out;
  for (auto& spec : schema)
    if (!spec.key.ends_with("[]"))
      out += fmt::format("{}\n  {}\n  {}\n", spec.key, description_of(spec), spec.meaning);
  return out;
}

} // namespace atl::node
