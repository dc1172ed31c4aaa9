#include <atoll/node/plugin_section.hpp>

namespace atl::node {

std::string plugin_section::table() const {
  return key.substr(0, key.rfind('.'));
}

std::string plugin_section::options_key() const {
  return table() + ".options";
}

std::vector<key_spec> plugin_keys(const plugin_section& section) {
  key_spec name;
  name.key = section.key;
  name.required = section.default_name.empty();
  name.default_value = section.default_name;
  name.meaning = section.meaning;
  key_spec options;
  options.key = section.options_key();
  options.is_plugin_options = true;
  options.meaning = section.options_meaning;
  return {std::move(name), std::move(options)};
}

} // namespace atl::node
