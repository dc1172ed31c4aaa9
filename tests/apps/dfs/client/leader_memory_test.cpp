#include "client/leader_memory.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <stdlib.h>

namespace fs = std::filesystem;
using dfs::leader_memory;

namespace {

dfs::cluster_settings cluster_of(const std::string& name, std::uint16_t first_port = 7001) {
  dfs::cluster_settings cluster;
  cluster.name = name;
  for (std::uint16_t i = 0; i < 3; ++i)
    cluster.masters.push_back({i + 1U,
                               fmt::format("m{}", i),
                               {"127.0.0.1", static_cast<std::uint16_t>(first_port + i)},
                               false});
  return cluster;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator{folder})
    files.push_back(entry.path());
  return files;
}

std::string folder_with(const char* cache, const char* home) {
  ::setenv("XDG_CACHE_HOME", cache, 1);
  ::setenv("HOME", home, 1);
  return leader_memory::default_folder().string();
}

} // namespace

TEST_CASE("a leader is remembered for the next run, for each cluster by itself") {
  temporary_folder folder;
  leader_memory reef{folder / "new/leaders", cluster_of("reef")};
  CHECK(reef.recall() == "");
  reef.remember("127.0.0.1:7002");
  CHECK(reef.recall() == "127.0.0.1:7002");
  CHECK(leader_memory{folder / "new/leaders", cluster_of("reef")}.recall() == "127.0.0.1:7002");
  CHECK(leader_memory{folder / "new/leaders", cluster_of("atoll")}.recall() == "");
  CHECK(leader_memory{folder / "new/leaders", cluster_of("reef", 7002)}.recall() == "");
  reef.remember("127.0.0.1:7003");
  CHECK(reef.recall() == "127.0.0.1:7003");
  CHECK(files_in(folder / "new/leaders").size() == 1);
}

TEST_CASE("an unchanged leader isn't written again") {
  temporary_folder folder;
  leader_memory reef{folder.path(), cluster_of("reef")};
  reef.remember("127.0.0.1:7002");
  auto file = files_in(folder.path()).at(0);
  fs::last_write_time(file, fs::file_time_type{});
  reef.remember("127.0.0.1:7002");
  CHECK(fs::last_write_time(file) == fs::file_time_type{});
  reef.remember("127.0.0.1:7001");
  CHECK(fs::last_write_time(file) != fs::file_time_type{});
}

TEST_CASE("a file that names no master of the settings is ignored, and replaced") {
  temporary_folder folder;
  leader_memory reef{folder.path(), cluster_of("reef")};
  reef.remember("127.0.0.1:7002");
  auto file = files_in(folder.path()).at(0).filename().string();
  for (auto& text : {std::string{}, std::string{"127.0.0.1:7002"}, std::string{"10.0.0.9:7002\n"},
                     std::string(1 << 20, 'x'), std::string(600, ' ') + "127.0.0.1:7002\n"}) {
    folder.write(file, text);
    CHECK(reef.recall() == "");
    reef.remember("127.0.0.1:7001");
    CHECK(reef.recall() == "127.0.0.1:7001");
  }
}

TEST_CASE("an address that is none of the settings is not remembered") {
  temporary_folder folder;
  leader_memory reef{folder.path(), cluster_of("reef")};
  reef.remember("10.0.0.9:7002");
  reef.remember("");
  CHECK(files_in(folder.path()).empty());
}

TEST_CASE("a place that can't be read or written is no error") {
  temporary_folder folder;
  folder.write("file", "");
  for (auto& place : {fs::path{}, folder / "file", folder / "file/below"}) {
    leader_memory reef{place, cluster_of("reef")};
    reef.remember("127.0.0.1:7002");
    CHECK(reef.recall() == "");
  }
  fs::create_directories(folder / "taken");
  leader_memory reef{folder / "taken", cluster_of("reef")};
  reef.remember("127.0.0.1:7002");
  auto file = files_in(folder / "taken").at(0);
  fs::remove(file);
  fs::create_directories(file / "below");
  reef.remember("127.0.0.1:7002");
  CHECK(reef.recall() == "");
  CHECK(files_in(folder / "taken").size() == 1);
}

TEST_CASE("the files of many clusters stay few, and the latest is kept") {
  temporary_folder folder;
  for (int i = 0; i < 200; ++i) {
    leader_memory one{folder.path(), cluster_of(fmt::format("c{}", i))};
    one.remember("127.0.0.1:7001");
    CHECK(one.recall() == "127.0.0.1:7001");
  }
  CHECK(files_in(folder.path()).size() == 64);
}

TEST_CASE("the folder is in the user's cache, if there is one") {
  auto* cache = ::getenv("XDG_CACHE_HOME");
  auto* home = ::getenv("HOME");
  std::string former_cache = cache == nullptr ? "" : cache;
  std::string former_home = home == nullptr ? "" : home;
  CHECK(folder_with("/c", "/home/u") == "/c/atoll/leaders");
  CHECK(folder_with("", "/home/u") == "/home/u/.cache/atoll/leaders");
  CHECK(folder_with("relative", "/home/u") == "/home/u/.cache/atoll/leaders");
  CHECK(folder_with("", "") == "");
  ::setenv("XDG_CACHE_HOME", former_cache.c_str(), 1);
  ::setenv("HOME", former_home.c_str(), 1);
}
