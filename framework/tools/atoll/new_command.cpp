#include "atoll_commands.hpp"
#include "scaffold.hpp"

#include <atoll/core/new_folder.hpp>
#include <atoll/core/plugin_name.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

struct new_arguments {
  std::string name;
  std::string folder;
};

/// All other kinds are of plugins.
constexpr std::string_view service_kind = "service";

/// What a project of the kind is.
std::string title_of(const std::string& kind) {
  return kind == service_kind ? "replicated service" : kind + " plugin";
}

/// A service's name is that of a role: `role_name_bytes_max` of the runtime.
constexpr std::size_t service_name_characters_max = 32;

/// Why no project of the kind can have the name; empty if one can. A service's program has its
/// name, and build systems have these targets beside programs.
std::string name_problem(const std::string& kind, const std::string& name) {
  constexpr std::string_view targets[] = {"all",     "clean",   "edit_cache", "help",
                                          "install", "package", "test",       "rebuild_cache"};
  bool is_service = kind == service_kind;
  auto characters_max = is_service ? service_name_characters_max : atl::plugin_name_characters_max;
  if (!atl::is_plugin_name(name) || name.size() > characters_max)
    return fmt::format("a name is [a-z][a-z0-9_]* with at most {} characters", characters_max);
  if (is_service && std::ranges::find(targets, name) != std::end(targets))
    return "its program would have the name of a target of the build";
  return {};
}

/// Where this Atoll is installed; a placeholder if it isn't.
std::string prefix_text() {
  std::error_code unknown;
  auto prefix = fs::read_symlink("/proc/self/exe", unknown).parent_path().parent_path();
  return fs::exists(prefix / ATOLL_PACKAGE_DIR, unknown) ? prefix.string()
                                                         : "/where/atoll/is/installed";
}

atl::status write_file(const fs::path& path, const std::string& text) {
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  if (problem)
    return tl::unexpected{
        atl::system_error(problem.value(), "making " + path.parent_path().string())};
  std::ofstream out{path, std::ios::binary};
  out << text;
  out.close();
  if (!out)
    return tl::unexpected{atl::system_error(errno, "writing " + path.string())};
  return {};
}

atl::status write_project(const std::string& kind, const std::string& name,
                          const fs::path& folder) {
  if (auto problem = name_problem(kind, name); !problem.empty())
    return atl::fail(atl::errc::invalid, fmt::format("'{}' can't be the name of a {}: {}", name,
                                                     title_of(kind), problem));
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
      "{0} has a new {1}; README.md tells about it. To build and to try it:\n\n"
      "  cmake -S {0} -B {0}/build -DCMAKE_PREFIX_PATH={2}\n"
      "  cmake --build {0}/build\n"
      "  ctest --test-dir {0}/build --output-on-failure\n",
      shown, title_of(kind), prefix_text());
  return exit_ok;
}

} // namespace

void add_new_command(CLI::App& app, int& code) {
  auto* command = app.add_subcommand(
      "new", "Make a project for a plugin or a service of yours: sources, a test, and what builds\n"
             "them. It passes its test as it is, a plugin also 'atoll verify'; replace its rule by "
             "yours");
  command->require_subcommand(1);
  auto arguments = std::make_shared<new_arguments>();
  for (auto& kind : scaffold_kinds()) {
    auto* of_kind = command->add_subcommand(kind, "A " + title_of(kind));
    of_kind
        ->add_option("name", arguments->name,
                     "The name, as it will be written in TOML: [a-z][a-z0-9_]*")
        ->required();
    of_kind
        ->add_option("--folder", arguments->folder,
                     "Where to make the project; by default a folder of that name here")
        ->type_name("DIR");
    of_kind->callback([arguments, kind, &code] { code = make_project(kind, *arguments); });
  }
}
