#include "atoll_commands.hpp"
#include "plugin_choice.hpp"
#include "plugin_view.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

struct plugin_arguments {
  std::string name;
  std::vector<std::string> folders;
  std::string kind;
  bool json = false;

  std::optional<atl::spi::plugin_kind> wanted_kind() const { return atl::parse_plugin_kind(kind); }
};

int list(const plugin_arguments& arguments) {
  auto loader = make_loader(arguments.folders);
  auto files = loader.list();
  if (auto kind = arguments.wanted_kind())
    std::erase_if(files, [&](const atl::plugin_file& file) {
      return file.identity && file.identity->kind != *kind;
    });
  auto& folders = loader.search_path();
  std::cout << (arguments.json ? list_json(files, folders) : list_text(files, folders));
  return exit_ok;
}

int show(const plugin_arguments& arguments) {
  auto loader = make_loader(arguments.folders);
  auto kind = arguments.wanted_kind();
  auto plugin = load_guarded([&](auto& observer) {
    return kind ? loader.load(*kind, arguments.name, observer)
                : loader.load(arguments.name, observer);
  });
  if (!plugin) {
    std::cerr << "atoll: " << plugin.error().message << '\n';
    return exit_failed;
  }
  std::cout << (arguments.json ? show_json(**plugin) : show_text(**plugin));
  return exit_ok;
}

void add_common(CLI::App& command, plugin_arguments& arguments) {
  command
      .add_option("--path", arguments.folders,
                  "Folder to look in instead of the installed one; may be given several times")
      ->type_name("DIR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--kind", arguments.kind, "Only plugins of this kind")
      ->check(CLI::IsMember(atl::plugin_kind_names()));
  command.add_flag("--json", arguments.json, "Print JSON, for programs");
}

} // namespace

void add_plugin_command(CLI::App& app, int& code) {
  auto* plugin = app.add_subcommand("plugin", "Look into plugins");
  plugin->require_subcommand(1);
  auto arguments = std::make_shared<plugin_arguments>();

  auto* list_command = plugin->add_subcommand(
      "list", "List the plugins that are there, and the files that are refused with the reason.\n"
              "Reads symbol tables only: none of their code is run");
  add_common(*list_command, *arguments);
  list_command->callback([arguments, &code] { code = list(*arguments); });

  auto* show_command = plugin->add_subcommand(
      "show", "Show one plugin: what it is, what it claims, and its options.\n"
              "Loads it, if it isn't refused, and in a process of its own before");
  show_command->add_option("name", arguments->name, "The plugin's name, as written in TOML")
      ->required();
  add_common(*show_command, *arguments);
  show_command->callback([arguments, &code] { code = show(*arguments); });
}
