#include <atoll/core/plugin_loader.hpp>
#include <atoll/core/plugin_name.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace atl {

/// Only in programs that `find_package(Atoll)` links: the folder of that installation's plugins.
/// The package's AtollConfig.cmake writes the definition.
__attribute__((weak)) extern const char linked_plugin_folder[];

namespace {

namespace fs = std::filesystem;

/// A folder with more files than this is taken for a wrong folder.
constexpr std::size_t folder_files_max = 1000;

std::vector<fs::path> files_in(const fs::path& folder, std::error_code& problem) {
  std::vector<fs::path> files;
  fs::directory_iterator next{folder, problem};
  for (; !problem && next != fs::directory_iterator{}; next.increment(problem)) {
    std::error_code unknown;
    bool hidden = next->path().filename().string().starts_with('.');
    if (!hidden && !next->is_directory(unknown))
      files.push_back(next->path());
    if (files.size() > folder_files_max) {
      problem = std::make_error_code(std::errc::file_too_large);
      return {};
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void refuse_duplicates(std::vector<plugin_file>& found) {
  auto same = [](const plugin_file& a, const plugin_file& b) {
    return a.identity && b.identity && a.identity->kind == b.identity->kind &&
           a.identity->name == b.identity->name;
  };
  for (auto& file : found)
    for (auto& other : found)
      if (&file != &other && file.refusal.empty() && same(file, other))
        file.refusal =
            fmt::format("{}: another {} plugin '{}' is at {}; remove one of them, or its "
                        "folder from the search path",
                        file.path.string(), to_string(file.identity->kind), file.identity->name,
                        other.path.string());
}

std::string folders_text(const std::vector<fs::path>& folders) {
  if (folders.empty())
    return "an empty search path";
  std::string text;
  for (auto& folder : folders)
    text += (text.empty() ? "" : ", ") + folder.string();
  return text;
}

std::string kind_text(std::optional<spi::plugin_kind> kind) {
  return kind ? fmt::format("{} plugin", to_string(*kind)) : "plugin";
}

/// The error for a name that was not found: lists the names that exist, and the files that were
/// refused.
tl::unexpected<error> not_found(const std::vector<plugin_file>& found,
                                const std::vector<fs::path>& folders,
                                std::optional<spi::plugin_kind> kind, std::string_view name) {
  std::set<std::string> known;
  std::string passed_over;
  for (auto& file : found) {
    if (file.identity && (!kind || file.identity->kind == *kind))
      known.insert(file.identity->name);
    // Mention a refused file that may have been meant.
    if (!file.identity && file.path.stem() == name)
      return fail(errc::refused,
                  fmt::format("there is no {} '{}', for {}", kind_text(kind), name, file.refusal));
    bool folder = std::find(folders.begin(), folders.end(), file.path) != folders.end();
    if (folder)
      passed_over += "; " + file.refusal;
  }
  std::vector<std::string> names{known.begin(), known.end()};
  auto message =
      fmt::format("there is no {} '{}' in {}", kind_text(kind), name, folders_text(folders));
  message += did_you_mean(name, names);
  message += names.empty() ? "; none is known" : fmt::format("; known: {}", fmt::join(names, ", "));
  return fail(errc::not_found, message + passed_over);
}

} // namespace

fs::path installed_plugins() {
  std::error_code problem;
  auto program = fs::read_symlink("/proc/self/exe", problem);
  auto own = (program.parent_path().parent_path() / ATOLL_PLUGIN_DIR).lexically_normal();
  bool has_other = linked_plugin_folder != nullptr;
  return has_other && !fs::is_directory(own, problem) ? linked_plugin_folder : own;
}

plugin_loader::plugin_loader(std::vector<fs::path> search_path)
    : search_path_{std::move(search_path)} {}

std::vector<plugin_file> plugin_loader::list() const {
  std::vector<plugin_file> found;
  std::set<fs::path> seen; // one file may be reached along several paths
  for (auto& folder : search_path_) {
    if (auto refusal = folder_refusal(folder)) {
      found.push_back({folder, std::nullopt, *refusal});
      continue;
    }
    std::error_code problem;
    for (auto& path : files_in(folder, problem))
      if (auto file = inspect_plugin(path); seen.insert(file.path).second)
        found.push_back(std::move(file));
    if (problem)
      found.push_back({folder, std::nullopt,
                       fmt::format("{}: can't be searched for plugins: {}", folder.string(),
                                   problem.message())});
  }
  refuse_duplicates(found);
  return found;
}

result<plugin_file> plugin_loader::select(std::optional<spi::plugin_kind> kind,
                                          std::string_view name) const {
  if (!is_plugin_name(name))
    return fail(
        errc::invalid,
        fmt::format("'{}' can't be the name of a plugin, which is [a-z][a-z0-9_]* and no path",
                    name.substr(0, plugin_name_characters_max)));
  auto found = list();
  const plugin_file* match = nullptr;
  const plugin_file* other = nullptr; // another plugin of that name
  for (auto& file : found) {
    if (!file.identity || file.identity->name != name)
      continue;
    if ((kind && file.identity->kind != *kind) || match)
      other = &file;
    else
      match = &file;
  }
  if (match && !kind && other && other->identity->kind != match->identity->kind)
    return fail(errc::invalid,
                fmt::format("'{}' is a {} plugin and a {} plugin; say which is meant", name,
                            to_string(match->identity->kind), to_string(other->identity->kind)));
  if (match && !match->refusal.empty())
    return fail(errc::refused,
                fmt::format("{} '{}' is refused: {}", kind_text(kind), name, match->refusal));
  if (match)
    return *match;
  if (other)
    return fail(errc::not_found, fmt::format("'{}' is a {} plugin ({}), expected a {} plugin", name,
                                             to_string(other->identity->kind), other->path.string(),
                                             to_string(*kind)));
  return not_found(found, search_path_, kind, name);
}

result<std::shared_ptr<const plugin>> plugin_loader::load(spi::plugin_kind kind,
                                                          std::string_view name,
                                                          const load_observer& observer) const {
  return select(kind, name).and_then([&](const plugin_file& file) {
    return open_plugin(file, observer, search_path_);
  });
}

result<std::shared_ptr<const plugin>> plugin_loader::load(std::string_view name,
                                                          const load_observer& observer) const {
  return select(std::nullopt, name).and_then([&](const plugin_file& file) {
    return open_plugin(file, observer, search_path_);
  });
}

} // namespace atl
