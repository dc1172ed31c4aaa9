#include "node/key_list.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace dfs {

namespace {

std::string range_of(const atl::key_spec& spec) {
  return atl::option_range({spec.key.c_str(), spec.type, spec.default_value.c_str(),
                            spec.minimum.c_str(), spec.maximum.c_str(), spec.meaning.c_str()});
}

std::string default_of(const atl::key_spec& spec) {
  if (spec.required)
    return "must be written";
  auto value = atl::parse_option(spec.type, spec.default_value);
  if (spec.default_value.empty() || !value)
    return "not set by default";
  return "default " + atl::option_toml(*value, spec.type);
}

std::string description_of(const atl::key_spec& spec) {
  if (spec.is_plugin_options)
    return "a table of the plugin's options ('atoll plugin show NAME' lists them)";
  auto range = range_of(spec);
  return fmt::format("{}{}{}, {}", spec.is_list ? "list of " : "", atl::to_string(spec.type),
                     range.empty() ? "" : ", " + range, default_of(spec));
}

} // namespace

std::string key_list(std::span<const atl::key_spec> schema) {
  std::string out;
  for (auto& spec : schema)
    if (!spec.key.ends_with("[]"))
      out += fmt::format("{}\n  {}\n  {}\n", spec.key, description_of(spec), spec.meaning);
  return out;
}

} // namespace dfs
