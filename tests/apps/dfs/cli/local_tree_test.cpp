#include "cli/local_tree.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <unistd.h>
#include <vector>

namespace {

using lines = std::vector<std::string>;

/// The entries that a walk visited.
struct walk_record {
  lines folders;
  lines files;
  lines others;
  lines problems;
};

walk_record walk(const std::string& folder) {
  walk_record seen;
  dfs::cli::tree_visitor visitor;
  visitor.folder = [&](auto& relative) {
    seen.folders.push_back(relative);
    return true;
  };
  visitor.file = [&](auto&, auto& relative, auto bytes) {
    seen.files.push_back(relative + " " + std::to_string(bytes));
  };
  visitor.other = [&](auto& path, auto&) { seen.others.push_back(path); };
  visitor.problem = [&](auto& problem) { seen.problems.push_back(problem.message); };
  visitor.stop = [] { return false; };
  dfs::cli::walk_tree(folder, visitor);
  return seen;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file} << text;
}

bool is_named(const lines& problems, const std::string& name) {
  return std::any_of(problems.begin(), problems.end(),
                     [&](auto& problem) { return problem.find(name) != problem.npos; });
}

} // namespace

TEST_CASE("a walk through a folder visits files and folders in the order of their names") {
  temporary_folder folder;
  write(folder / "b/two", "22");
  write(folder / "a", "1");
  std::filesystem::create_directories(folder / "empty");
  auto seen = walk(folder.path().string());
  CHECK(seen.folders == lines{"", "b", "empty"});
  CHECK(seen.files == lines{"a 1", "b/two 2"});
  CHECK(seen.problems.empty());
}

TEST_CASE("a walk follows every link to a file or folder") {
  temporary_folder folder;
  write(folder / "elsewhere/file", "data");
  std::filesystem::create_directories(folder / "tree");
  std::filesystem::create_symlink("../elsewhere", folder / "tree/first");
  std::filesystem::create_symlink("../elsewhere", folder / "tree/second");
  std::filesystem::create_symlink("../elsewhere/file", folder / "tree/third");
  auto seen = walk((folder / "tree").string());
  CHECK(seen.folders == lines{"", "first", "second"});
  CHECK(seen.files == lines{"first/file 4", "second/file 4", "third 4"});
  CHECK(seen.problems.empty());
}

TEST_CASE("a link to an enclosing folder is named and left out, and the rest is visited") {
  temporary_folder folder;
  write(folder / "tree/deep/file", "data");
  std::filesystem::create_symlink("../..", folder / "tree/deep/up");
  std::filesystem::create_symlink(".", folder / "tree/itself");
  auto seen = walk(folder.path().string());
  CHECK(seen.files == lines{"tree/deep/file 4"});
  CHECK(seen.problems.size() == 2);
  CHECK(is_named(seen.problems, "tree/deep/up"));
  CHECK(is_named(seen.problems, "tree/itself"));
}

TEST_CASE("dangling and circular links are named, and the rest is visited") {
  temporary_folder folder;
  write(folder / "good", "good");
  std::filesystem::create_symlink("loop", folder / "loop");
  std::filesystem::create_symlink("nothing", folder / "dangling");
  auto seen = walk(folder.path().string());
  CHECK(seen.files == lines{"good 4"});
  CHECK(seen.problems.size() == 2);
  CHECK(is_named(seen.problems, "loop"));
  CHECK(is_named(seen.problems, "dangling"));
}

TEST_CASE("a folder that can't be read is named and not visited, and the rest is") {
  temporary_folder folder;
  write(folder / "closed/hidden", "x");
  write(folder / "open/file", "x");
  ::chmod((folder / "closed").c_str(), 0);
  ::chmod(folder.path().c_str(), 0755);
  auto is_root = ::geteuid() == 0;
  if (is_root)
    REQUIRE(::seteuid(65534) == 0); // root reads every folder
  auto seen = walk(folder.path().string());
  if (is_root)
    REQUIRE(::seteuid(0) == 0);
  CHECK(seen.folders == lines{"", "open"});
  CHECK(seen.files == lines{"open/file 1"});
  CHECK(seen.problems.size() == 1);
  CHECK(is_named(seen.problems, "closed"));
}

TEST_CASE("a path that is longer than the system takes is named, and the walk ends") {
  temporary_folder folder;
  auto name = std::string(250, 'd');
  REQUIRE(::chdir(folder.path().c_str()) == 0);
  for (int depth = 0; depth < 20; ++depth) {
    REQUIRE(::mkdir(name.c_str(), 0755) == 0);
    REQUIRE(::chdir(name.c_str()) == 0);
  }
  REQUIRE(::chdir("/") == 0);
  auto seen = walk(folder.path().string());
  CHECK(seen.folders.size() > 10);
  CHECK(seen.problems.size() == 1);
  CHECK(is_named(seen.problems, name));
}

TEST_CASE("an entry that is neither a file nor a folder is distinguished") {
  temporary_folder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  auto seen = walk(folder.path().string());
  CHECK(seen.others == lines{(folder / "pipe").string()});
  CHECK(seen.files.empty());
}

TEST_CASE("a walk of a missing folder fails with the folder's name") {
  auto seen = walk("/nonexistent/folder");
  CHECK(seen.folders.empty());
  CHECK(is_named(seen.problems, "/nonexistent/folder"));
}
