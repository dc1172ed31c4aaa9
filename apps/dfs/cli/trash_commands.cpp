#include "cli/trash_commands.hpp"

#include "cli/trash_actions.hpp"

#include <string>

namespace dfs::cli {

void add_trash_commands(CLI::App& app, context& with, chosen_command& call) {
  static std::string path = "/";
  static std::string what;
  static std::string to;
  static std::string older_than;
  auto* trash = app.add_subcommand(
      "trash", "Files and directories that were removed or replaced, as long as the policy of "
               "their directory keeps them ('dfs policy set PATH trash=24h')");
  trash->require_subcommand(1);
  auto* list = trash->add_subcommand(
      "list", "Show what can be restored: id, size of the files (with + while they are counted), "
              "what a directory holds, when it was removed, when it will be gone, and its path");
  list->add_option("PATH", path, "Only what was removed from here, or from below")
      ->capture_default_str();
  list->callback([&] { call = [&] { return list_trash(with, path); }; });

  auto* restore = trash->add_subcommand(
      "restore", "Give something back its name; makes missing directories, and replaces nothing");
  restore
      ->add_option("WHAT", what,
                   "Its id, or the path that it had: of several, the one removed last")
      ->required();
  restore->add_option("TO", to, "Another path for it, which must not exist");
  restore->callback([&] { call = [&] { return restore_from_trash(with, what, to); }; });

  auto* empty = trash->add_subcommand("empty", "Remove for good what is in the trash");
  empty->add_option("PATH", path, "Only what was removed from here, or from below")
      ->capture_default_str();
  empty->add_option("--older-than", older_than, "Only what was removed so long ago, such as 1h");
  empty->callback([&] { call = [&] { return empty_trash(with, path, older_than); }; });
}

} // namespace dfs::cli
