#include "plugin_choice.hpp"

#include <atoll/core/config_value.hpp>
#include <atoll/core/plugin_loader.hpp>

#include <filesystem>

namespace {

namespace fs = std::filesystem;

atl::result<atl::config_table> written_options(const std::vector<std::string>& options) {
  std::string text;
  for (auto& option : options) {
    auto equals = option.find('=');
    if (equals == std::string::npos)
      return atl::fail(atl::errc::invalid, "--option takes KEY=VALUE, not '" + option + "'");
    auto value = option.substr(equals + 1);
    auto bare = value.find_first_not_of("0123456789.-") == std::string::npos || value == "true" ||
                value == "false" || value.starts_with('"');
    text += option.substr(0, equals) + " = " + (bare ? value : atl::toml_quote(value)) + "\n";
  }
  return atl::parse_toml(text, "--option");
}

} // namespace

void add_plugin_choice(CLI::App& command, plugin_choice& choice) {
  command.add_option("plugin", choice.name, "The plugin's name, or its file")->required();
  command.add_option("--option", choice.options, "An option of the plugin, KEY=VALUE")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--path", choice.folders, "Folder to look for the plugin in")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

atl::result<std::shared_ptr<const atl::plugin>>
find_plugin(const plugin_choice& choice, std::optional<atl::spi::plugin_kind> kind) {
  if (choice.name.find('/') != std::string::npos || choice.name.ends_with(".so")) {
    auto file = atl::inspect_plugin(fs::absolute(choice.name));
    if (!file.refusal.empty())
      return atl::fail(atl::errc::refused, file.refusal);
    return atl::open_plugin(file);
  }
  std::vector<fs::path> path;
  for (auto& folder : choice.folders)
    path.push_back(fs::absolute(folder).lexically_normal());
  auto loader = path.empty() ? atl::plugin_loader{} : atl::plugin_loader{std::move(path)};
  if (kind)
    return loader.load(*kind, choice.name);
  using atl::spi::plugin_kind;
  auto found = loader.load(plugin_kind::consensus, choice.name);
  for (auto other : {plugin_kind::balancer, plugin_kind::recovery})
    if (!found)
      if (auto it = loader.load(other, choice.name))
        return it;
  return found;
}

atl::result<atl::spi::options> chosen_options(const atl::plugin& plugin,
                                              const std::vector<std::string>& options) {
  auto written = written_options(options);
  if (!written)
    return tl::unexpected{written.error()};
  return plugin.check_options(*written);
}
