#include "layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <string_view>

namespace fs = std::filesystem;

namespace {

/// The includes that the files of a folder may have.
struct layer {
  std::string_view name;
  std::vector<std::string_view> folders;   ///< the folders of the layer, relative to the root
  std::vector<std::string_view> atoll;     ///< <atoll/…/…>
  std::vector<std::string_view> libraries; ///< beginnings of other includes in <brackets>
  bool any_library = false;                ///< any library except CAF, which must be listed
};

const std::vector<layer>& layers() {
  static const std::vector<layer> all{
      {"spi", {"framework/include/atoll/spi/"}, {"spi"}, {}},
      {"core", {"framework/include/atoll/core/", "framework/src/core/"}, {"spi", "core"}, {}, true},
      {"keep", {"framework/include/atoll/keep/", "framework/src/keep/"}, {"spi", "keep"}, {}},
      {"sim",
       {"framework/include/atoll/sim/", "framework/src/sim/"},
       {"spi", "core", "keep", "sim"},
       {},
       true},
      {"net",
       {"framework/include/atoll/net/", "framework/src/net/"},
       {"spi", "core", "net"},
       {},
       true},
      {"runtime",
       {"framework/include/atoll/runtime/", "framework/src/runtime/"},
       {"spi", "core", "net", "runtime"},
       {"caf/"},
       true},
      {"node",
       {"framework/include/atoll/node/", "framework/src/node/"},
       {"spi", "core", "net", "runtime", "node"},
       {"caf/"},
       true},
      {"verify",
       {"framework/include/atoll/verify/", "framework/src/verify/"},
       {"spi", "core", "keep", "sim", "verify"},
       {},
       true},
      {"compare",
       {"framework/include/atoll/compare/", "framework/src/compare/"},
       {"spi", "core", "sim", "compare"},
       {},
       true},
      {"tools",
       {"framework/tools/"},
       {"spi", "core", "keep", "sim", "verify", "compare"},
       {},
       true},
      {"plugins", {"plugins/", "tests/author/lowest_id/"}, {"spi"}, {"isa-l.h", "isa-l/"}},
      {"services",
       {"tests/author/job_queue/", "tests/author/digger/", "tests/author/gateway/",
        "tests/author/runners/"},
       {"spi", "core", "net", "runtime", "node"},
       {},
       true},
      {"proofs", {"tests/author/job_queue_proof/"}, {"spi", "core", "sim", "verify"}, {}, true},
      {"apps", {"apps/"}, {"spi", "core", "keep", "net", "runtime", "node"}, {"caf/"}, true},
  };
  return all;
}

const layer* layer_of(const std::string& file) {
  for (auto& each : layers())
    for (auto folder : each.folders)
      if (file.starts_with(folder))
        return &each;
  return nullptr;
}

bool is_source(const fs::path& file) {
  auto extension = file.extension();
  return extension == ".hpp" || extension == ".cpp" || extension == ".h" || extension == ".cc";
}

std::vector<std::string> sources(const fs::path& root) {
  std::vector<std::string> found;
  for (auto top : {"framework", "plugins", "apps", "tests/author"})
    if (fs::exists(root / top))
      for (auto& entry : fs::recursive_directory_iterator{root / top})
        if (entry.is_regular_file() && is_source(entry.path()))
          found.push_back(entry.path().lexically_relative(root).string());
  std::sort(found.begin(), found.end());
  return found;
}

/// The folder that a plugin's file may include from, `plugins/KIND/NAME`, and
/// what plugins of its kind share, `plugins/KIND/common`, and of all kinds, `plugins/common`.
bool shares_folder(const fs::path& file, const fs::path& included) {
  std::vector<fs::path> own{file.begin(), file.end()}, other{included.begin(), included.end()};
  if (own.size() > 1 && other.size() > 2 && own[0] == other[0] && other[1] == "common")
    return true; // what plugins of all kinds share
  if (own.size() < 4 || other.size() < 4)
    return file.parent_path() == included.parent_path();
  return std::equal(own.begin(), own.begin() + 2, other.begin()) &&
         (own[2] == other[2] || other[2] == "common");
}

std::optional<std::string> bracket_problem(const layer& own, std::string_view name) {
  bool standard = name.find_first_of("/.") == std::string_view::npos;
  if (standard)
    return std::nullopt;
  auto begins = [&](std::string_view beginning) { return name.starts_with(beginning); };
  if (begins("atoll/")) {
    auto rest = name.substr(6);
    auto target = rest.substr(0, rest.find('/'));
    bool fine = std::find(own.atoll.begin(), own.atoll.end(), target) != own.atoll.end();
    return fine ? std::nullopt
                : std::optional{fmt::format("{} may not include from {}", own.name, target)};
  }
  if (std::any_of(own.libraries.begin(), own.libraries.end(), begins))
    return std::nullopt;
  if (own.any_library && !begins("caf/"))
    return std::nullopt;
  return fmt::format("{} may not use this library", own.name);
}

/// The other folders that a folder of an app may include from; a folder that is not
/// listed may include from none. A folder with an empty list is a leaf that all others may use.
const std::map<std::string_view, std::vector<std::string_view>>& folders_of_dfs() {
  static const std::map<std::string_view, std::vector<std::string_view>> all{
      {"common", {}},
      {"job", {"common"}},
      {"settings", {"common"}},
      {"storage", {"common"}},
      {"namespace", {"common"}},
      {"bulk", {"common", "storage"}},
      {"client", {"common", "job", "settings", "namespace", "bulk"}},
      {"master", {"common", "namespace"}},
      {"node", {"common", "job", "settings", "storage", "namespace", "bulk", "master", "client"}},
      {"cli", {"common", "job", "settings", "namespace", "client"}},
  };
  return all;
}

/// @param file, included from the root: `apps/dfs/FOLDER/NAME`
std::optional<std::string> app_folder_problem(const fs::path& file, const fs::path& included) {
  std::vector<std::string> own, other;
  for (auto& part : file)
    own.push_back(part.string());
  for (auto& part : included)
    other.push_back(part.string());
  if (own.size() < 4 || other.size() < 4 || own[1] != "dfs" || own[2] == other[2])
    return std::nullopt;
  auto rule = folders_of_dfs().find(own[2]);
  if (rule == folders_of_dfs().end())
    return fmt::format("the folder {} has no rule in tests/tidy/layers.cpp", own[2]);
  if (std::find(rule->second.begin(), rule->second.end(), other[2]) != rule->second.end())
    return std::nullopt;
  return fmt::format("{} may not include from {}", own[2], other[2]);
}

std::optional<std::string> quoted_problem(const fs::path& root, const std::string& file,
                                          const layer& own, const std::string& name) {
  auto target = (fs::path{file}.parent_path() / name).lexically_normal();
  if (own.name == "apps" && !fs::exists(root / target)) {
    // An app's sources name each other from the app's folder, `apps/NAME`.
    auto app = file.substr(0, file.find('/', file.find('/') + 1));
    target = fs::path{app} / name;
  }
  if (!fs::exists(root / target))
    return "no such file stands there";
  if (layer_of(target.string()) != &own)
    return fmt::format("{} includes other layers in <brackets>", own.name);
  if (own.name == "plugins" && !shares_folder(file, target))
    return std::string{"a plugin may not include from another's folder"};
  if (own.name == "apps")
    return app_folder_problem(file, target);
  return std::nullopt;
}

void check(const fs::path& root, const std::string& file, std::vector<std::string>& problems) {
  static const std::regex directive{R"(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)"};
  auto* own = layer_of(file);
  if (!own) {
    problems.push_back(fmt::format("{}:1: stands in no layer", file));
    return;
  }
  std::ifstream in{root / file};
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::smatch found;
    if (!std::regex_match(line, found, directive))
      continue;
    auto name = found[2].str();
    auto problem =
        found[1] == "<" ? bracket_problem(*own, name) : quoted_problem(root, file, *own, name);
    if (problem)
      problems.push_back(fmt::format("{}:{}: {}: {}", file, number, name, *problem));
  }
}

} // namespace

std::vector<std::string> layer_violations(const fs::path& root) {
  std::vector<std::string> problems;
  for (auto& file : sources(root))
    check(root, file, problems);
  return problems;
}

std::size_t layered_files(const fs::path& root) {
  return sources(root).size();
}
