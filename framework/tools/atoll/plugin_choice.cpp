#include "plugin_choice.hpp"

#include "atoll_commands.hpp"

#include <atoll/core/config_value.hpp>
#include <atoll/core/guarded_run.hpp>

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
    auto bare = value.find_first_not_of("0123456789.-+e") == std::string::npos || value == "true" ||
                value == "false" || value.starts_with('"');
    text += option.substr(0, equals) + " = " + (bare ? value : atl::toml_quote(value)) + "\n";
  }
  return atl::parse_toml(text, "--option");
}

} // namespace

atl::plugin_loader make_loader(const std::vector<std::string>& folders) {
  if (folders.empty())
    return atl::plugin_loader{};
  std::vector<fs::path> path;
  path.reserve(folders.size());
  for (auto& folder :
       folders) // on a command line, folders may be relative to the working directory
    path.push_back(fs::absolute(folder).lexically_normal());
  return atl::plugin_loader{std::move(path)};
}

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

loaded_plugin load_guarded(const std::function<loaded_plugin(const atl::load_observer&)>& load) {
  auto tried = atl::run_guarded([&](const atl::announce_step& announce) {
    auto loaded = load([&](const fs::path& library) { announce({library.string(), "loading"}); });
    return loaded ? exit_ok : exit_failed; // a refusal is repeated below, with its reason
  });
  if (!tried)
    return tl::unexpected{tried.error()};
  return load({});
}

loaded_plugin find_plugin(const plugin_choice& choice, std::optional<atl::spi::plugin_kind> kind) {
  if (choice.name.find('/') != std::string::npos || choice.name.ends_with(".so")) {
    auto file = atl::inspect_plugin(fs::absolute(choice.name));
    if (!file.refusal.empty())
      return atl::fail(atl::errc::refused, file.refusal);
    return load_guarded([&](auto& observer) { return atl::open_plugin(file, observer); });
  }
  auto loader = make_loader(choice.folders);
  return load_guarded([&](auto& observer) {
    return kind ? loader.load(*kind, choice.name, observer) : loader.load(choice.name, observer);
  });
}

std::string shell_word(const std::string& text) {
  constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,./:@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos)
    return text;
  return shell_quoted(text);
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

std::string path_words(const plugin_choice& choice) {
  std::string out;
  for (auto& folder : choice.folders)
    out += " --path " + shell_word(folder);
  return out;
}

atl::result<atl::spi::options> chosen_options(const atl::plugin& plugin,
                                              const std::vector<std::string>& options) {
  auto written = written_options(options);
  if (!written)
    return tl::unexpected{written.error()};
  return plugin.check_options(*written);
}
