#include "atoll_commands.hpp"
#include "scaffold.hpp"

#include <atoll/core/new_folder.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

namespace {

namespace fs = std::filesystem;

struct new_arguments {
  std::string name;
  std::string folder;
};

/// Where this Atoll is installed; a placeholder if it isn't.
std::string prefix_text() {
  std::error_code unknown;
  auto prefix = fs::read_symlink("/proc/self/exe", unknown).parent_path().parent_path();
  return fs::exists(prefix / ATOLL_PACKAGE_DIR, unknown) ? prefix.string()
                                                         : "/where/atoll/is/installed";
}

atl::status write_file(const fs::path& path, const std::string& text) {
  std::ofstream out{path, std::ios::binary};
  out << text;
  out.close();
  if (!out)
    return tl::unexpected{atl::system_error(errno, "writing " + path.string())};
  return {};
}

atl::status write_project(const std::string& kind, const std::string& name,
                          const fs::path& folder) {
  if (!atl::is_plugin_name(name))
    return atl::fail(
        atl::errc::invalid,
        fmt::format("'{}' can't be the name of a plugin, which is [a-z][a-z0-9_]* with "
                    "at most {} characters",
                    name, atl::plugin_name_characters_max));
  auto is_free = atl::is_nothing(folder);
  if (!is_free)
    return tl::unexpected{is_free.error()};
  if (!*is_free)
    return atl::fail(atl::errc::exists,
                     fmt::format("{} exists already, and a new project overwrites nothing; name "
                                 "another folder with --folder, or remove it",
                                 folder.string()));
  return atl::make_folder(folder, [&](const fs::path& beside) -> atl::status {
    for (auto& file : scaffold(kind, name))
      if (auto written = write_file(beside / file.path, file.text); !written)
        return written;
    return {};
  });
}

int make_project(const std::string& kind, const new_arguments& arguments) {
  // The folder's own name, without a slash at the end, beside which `make_folder` works.
  auto folder = fs::path{arguments.folder.empty() ? arguments.name : arguments.folder};
  folder = fs::absolute(folder).lexically_normal();
  if (!folder.has_filename())
    folder = folder.parent_path();
  if (auto made = write_project(kind, arguments.name, folder); !made) {
    std::cerr << "atoll: " << made.error().message << '\n';
    return exit_usage;
  }
  auto shown = arguments.folder.empty() ? arguments.name : arguments.folder;
  std::cout << fmt::format(
      "{0} has a new {1} plugin; README.md tells about it. To build and to try it:\n\n"
      "  cmake -S {0} -B {0}/build -DCMAKE_PREFIX_PATH={2}\n"
      "  cmake --build {0}/build\n"
      "  ctest --test-dir {0}/build --output-on-failure\n",
      shown, kind, prefix_text());
  return exit_ok;
}

} // namespace

void add_new_command(CLI::App& app, int& code) {
  auto* command = app.add_subcommand(
      "new", "Make a project for a plugin of yours: sources, a test, and what builds them.\n"
             "It passes its test and 'atoll verify' as it is; replace its rule by yours");
  command->require_subcommand(1);
  auto arguments = std::make_shared<new_arguments>();
  for (auto& kind : scaffold_kinds()) {
    auto* of_kind = command->add_subcommand(kind, fmt::format("A {} plugin", kind));
    of_kind
        ->add_option("name", arguments->name,
                     "The plugin's name, as it will be written in TOML: [a-z][a-z0-9_]*")
        ->required();
    of_kind
        ->add_option("--folder", arguments->folder,
                     "Where to make the project; by default a folder of the plugin's name here")
        ->type_name("DIR");
    of_kind->callback([arguments, kind, &code] { code = make_project(kind, *arguments); });
  }
}
