#include "tree.hpp"

#include "member_functions.hpp"
#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace fs = std::filesystem;

namespace {

constexpr std::size_t columns_max = 100;

struct source {
  std::string path; ///< from the root
  std::string text;

  std::string name() const { return fs::path{path}.filename().string(); }
  bool is_header() const { return path.ends_with(".hpp"); }
};

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream{file, std::ios::binary}.rdbuf();
  return text.str();
}

/// All files with one of these endings, by their paths.
std::vector<source> files(const fs::path& root, std::initializer_list<std::string_view> endings) {
  std::vector<source> found;
  for (auto top : {"framework", "plugins", "apps", "tests"}) {
    if (!fs::exists(root / top))
      continue;
    for (auto& entry : fs::recursive_directory_iterator{root / top}) {
      auto path = entry.path().lexically_relative(root).string();
      if (entry.is_regular_file() &&
          std::ranges::any_of(endings, [&](auto ending) { return path.ends_with(ending); }))
        found.push_back({path, read(entry.path())});
    }
  }
  std::ranges::sort(found, {}, &source::path);
  return found;
}

/// Calls `visit` with each line and its number, from 1.
template <class Visit>
void for_each_line(const std::string& text, Visit visit) {
  std::istringstream in{text};
  std::string line;
  for (int number = 1; std::getline(in, line); ++number)
    visit(number, line);
}

/// Folders whose subfolders have the same structure: a file name means the same in each subfolder.
const std::set<std::string> parents_of_one_shape = {
    "plugins/balancers",       "plugins/consensus",       "plugins/recovery",
    "tests/plugins/balancers", "tests/plugins/consensus", "tests/plugins/recovery"};

/// Names that may stand in any folder: every program has its `main.cpp`.
const std::set<std::string> may_repeat = {"main.cpp"};

bool are_of_one_shape(const std::vector<fs::path>& folders) {
  auto parent = folders.front().parent_path();
  return parents_of_one_shape.contains(parent.string()) &&
         std::ranges::all_of(folders, [&](auto& folder) { return folder.parent_path() == parent; });
}

} // namespace

std::vector<std::string> unused_headers(const fs::path& root) {
  static const std::regex include{R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])"};
  auto all = files(root, {".hpp", ".cpp", ".cmake", "CMakeLists.txt"});
  std::set<std::string> included;
  for (auto& file : all)
    for_each_line(file.text, [&](int, const std::string& line) {
      if (std::smatch found; std::regex_search(line, found, include))
        included.insert(fs::path{found[1].str()}.filename().string());
    });
  std::vector<std::string> offences;
  for (auto& file : all)
    if (file.is_header() && !included.contains(file.name()))
      offences.push_back(file.path + ": no file includes it");
  return offences;
}

std::vector<std::string> unbuilt_sources(const fs::path& root) {
  std::string builds;
  std::map<std::string, std::string> by_folder;
  for (auto& file : files(root, {"CMakeLists.txt"})) {
    builds += file.text;
    by_folder[fs::path{file.path}.parent_path().string()] = file.text;
  }
  // A loop over tests names `bad_input` and, once for all, `${part}_test.cpp`.
  auto is_in_loop = [&](const source& file) {
    auto& beside = by_folder[fs::path{file.path}.parent_path().string()];
    auto stem = file.name().substr(0, file.name().rfind("_test.cpp"));
    return beside.find("}_test.cpp") != std::string::npos &&
           std::regex_search(beside, std::regex{fmt::format("\\b{}\\b", stem)});
  };
  std::vector<std::string> offences;
  for (auto& file : files(root, {".cpp"}))
    if (builds.find(file.name()) == std::string::npos && !is_in_loop(file))
      offences.push_back(file.path + ": no CMakeLists.txt names it");
  return offences;
}

std::vector<std::string> repeated_names(const fs::path& root) {
  std::map<std::string, std::vector<fs::path>> folders_of;
  for (auto& file : files(root, {".hpp", ".cpp"}))
    folders_of[file.name()].push_back(fs::path{file.path}.parent_path());
  std::vector<std::string> offences;
  for (auto& [name, folders] : folders_of) {
    if (folders.size() < 2 || may_repeat.contains(name) || are_of_one_shape(folders))
      continue;
    for (auto& folder : folders)
      offences.push_back(fmt::format("{}: {} folders have a file of this name",
                                     (folder / name).string(), folders.size()));
  }
  std::ranges::sort(offences);
  return offences;
}

std::vector<std::string> long_lines(const fs::path& root) {
  static const std::regex raw_string{R"re(R"([a-z]*)\()re"};
  std::vector<std::string> offences;
  for (auto& file : files(root, {".hpp", ".cpp"})) {
    std::string raw_end; // the end marker of the raw string that the line is in
    for_each_line(file.text, [&](int number, const std::string& line) {
      if (!raw_end.empty()) {
        if (line.find(raw_end) != std::string::npos)
          raw_end.clear();
        return;
      }
      if (std::smatch begin; std::regex_search(line, begin, raw_string))
        if (auto end = fmt::format("){}\"", begin[1].str());
            line.find(end, static_cast<std::size_t>(begin.position())) == std::string::npos)
          raw_end = end;
      // Continuation bytes of UTF-8 take no column.
      auto columns = static_cast<std::size_t>(
          std::ranges::count_if(line, [](char c) { return (c & 0xc0) != 0x80; }));
      if (columns > columns_max && line.find('"') == std::string::npos)
        offences.push_back(fmt::format("{}:{}: {} columns", file.path, number, columns));
    });
  }
  return offences;
}

std::vector<std::string> household_words(const fs::path& root) {
  static const std::regex word{"[A-Za-z_][A-Za-z_0-9]*"};
  std::map<std::string_view, const replaced_word*> replaced;
  for (auto& each : replaced_words())
    replaced[each.word] = &each;
  std::vector<std::string> offences;
  for (auto& file : files(root, {".hpp", ".cpp", ".txt", ".toml"})) {
    if (file.path.starts_with("tests/tidy/"))
      continue;
    for_each_line(file.text, [&](int number, const std::string& line) {
      for (std::sregex_iterator at{line.begin(), line.end(), word}, end; at != end; ++at) {
        auto text = at->str();
        if (text.ends_with('_')) // a member
          text.pop_back();
        auto found = replaced.find(text);
        if (found != replaced.end() && file.path.starts_with(found->second->below))
          offences.push_back(fmt::format("{}:{}: '{}'; the field says {}", file.path, number,
                                         at->str(), found->second->instead));
      }
    });
  }
  return offences;
}

std::vector<std::string> undefined_functions(const fs::path& root) {
  struct uses {
    std::set<std::string> declared_in; ///< files
    int declared = 0;
    int defined = 0;
  };
  std::map<std::string, uses> functions;
  for (auto& file : files(root, {".hpp", ".cpp"})) {
    auto found = find_member_functions(file.text);
    for (auto& name : found.declared) {
      functions[name].declared_in.insert(file.path);
      ++functions[name].declared;
    }
    for (auto& name : found.defined)
      ++functions[name].defined;
  }
  std::vector<std::string> offences;
  for (auto& [name, it] : functions)
    if (it.declared > it.defined)
      for (auto& file : it.declared_in)
        offences.push_back(fmt::format("{}: {} is declared {} times and defined {} times", file,
                                       name, it.declared, it.defined));
  std::ranges::sort(offences);
  return offences;
}
