#include "temporary_folder.hpp"

#include <atoll/core/group_folder.hpp>
#include <atoll/core/record_log.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace atl;
namespace fs = std::filesystem;

namespace {

data_folder lock(const fs::path& folder) {
  auto taken = data_folder::lock(folder, {"dfs", "reef", "node-1"});
  REQUIRE_MESSAGE(taken.has_value(), taken.error().message);
  return std::move(*taken);
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream{file} << text;
}

/// A log that is bound to the group `id`, or to none.
void make_log(const fs::path& folder, const std::string& id = {}) {
  fs::create_directories(folder.parent_path());
  auto log = record_log::open(folder, 0);
  REQUIRE_MESSAGE(log.has_value(), log.error().message);
  group_birth birth;
  birth.group = id;
  birth.cluster = "reef";
  birth.protocol = "raft";
  birth.founders = {{1, "node-1", "127.0.0.1:1", "folder"}};
  if (!id.empty())
    REQUIRE((*log)->bind({birth, 1}).has_value());
}

std::string group_in_log(const fs::path& folder) {
  auto log = record_log::open(folder, 0);
  REQUIRE_MESSAGE(log.has_value(), log.error().message);
  auto bound = (*log)->read_binding();
  return bound && *bound ? (*bound)->birth.group : std::string{};
}

/// A data folder of the former layout.
void make_former(const fs::path& folder) {
  auto data = lock(folder);
  make_log(folder / "log", "g1");
  write(folder / "names" / "file", "state");
  write(folder / "snapshots" / "incoming" / "part", "snapshot");
  write(folder / "chunks" / "chunk", "chunk");
  for (auto* part : {"log", "names", "chunks"})
    REQUIRE(data.note_part(part).has_value());
}

void check_adopted(const fs::path& folder) {
  CHECK(fs::exists(folder / "groups/g1/state/file"));
  CHECK(fs::exists(folder / "groups/g1/snapshots/incoming/part"));
  CHECK(fs::exists(folder / "chunks/chunk"));
  CHECK(group_in_log(folder / "groups/g1/log") == "g1");
  for (auto* former : {"log", "names", "snapshots"})
    CHECK_FALSE(fs::exists(folder / former));
  auto data = lock(folder);
  CHECK(data.group_of("master") == "g1");
  CHECK(check_group_folder(data, "master").has_value());
  CHECK_FALSE(data.check_part("log").has_value()); // a former release refuses to begin a new one
}

status adopt(const fs::path& folder) {
  auto data = lock(folder);
  return adopt_former_layout(data, "master", "names");
}

} // namespace

TEST_CASE("each role of a node has its own group, which a restart finds") {
  temporary_folder folder;
  {
    auto data = lock(folder.path());
    CHECK(data.group_of("master").empty());
    for (auto [role, group] : {std::pair{"master", "g1"}, {"jobs", "g2"}}) {
      auto made = make_group_folder(data, group);
      REQUIRE(made.has_value());
      CHECK(made->log == data.path() / "groups" / group / "log");
      write(made->log / "file", "");
      write(made->state / "file", "");
      REQUIRE(note_group_folder(data, role, group).has_value());
      CHECK(check_group_folder(data, role).has_value()); // its state may be made later
      REQUIRE(note_group_state(data, role).has_value());
    }
  }
  auto data = lock(folder.path());
  CHECK(data.group_of("master") == "g1");
  CHECK(data.group_of("jobs") == "g2");
  CHECK(check_group_folder(data, "master").has_value());
  fs::remove_all(group_folder_in(data, "g2").state);
  CHECK(check_group_folder(data, "master").has_value());
  auto gone = check_group_folder(data, "jobs");
  REQUIRE_FALSE(gone.has_value());
  CHECK_MESSAGE(gone.error().message.find("'groups/g2/state'") != std::string::npos,
                gone.error().message);
}

TEST_CASE("what a crash left of a group that was being joined is removed, and nothing else is") {
  temporary_folder folder;
  auto data = lock(folder.path());
  auto joined = make_group_folder(data, "g1");
  write(joined->log / "file", "");
  write(joined->state / "file", "");
  REQUIRE(note_group_folder(data, "master", "g1").has_value());
  auto interrupted = make_group_folder(data, "g2");
  write(interrupted->log / "file", "");
  REQUIRE(make_group_folder(data, "g3").has_value());
  CHECK_FALSE(fs::exists(data.path() / "groups/g2"));
  CHECK(fs::exists(data.path() / "groups/g3"));
  CHECK(fs::exists(joined->log / "file"));
}

TEST_CASE(
    "a data folder of the former layout is moved over, and again when a crash interrupted it") {
  temporary_folder folder;
  make_former(folder.path());
  SUBCASE("at once") {}
  SUBCASE("a crash after the identity was written") {
    auto data = lock(folder.path());
    REQUIRE(make_group_folder(data, "g1").has_value());
    REQUIRE(data.note_group("master", "g1", {"groups/g1/log", "groups/g1/state", "log"}, {"names"})
                .has_value());
  }
  SUBCASE("a crash before the identity was written") {
    auto data = lock(folder.path());
    REQUIRE(make_group_folder(data, "g1").has_value());
  }
  SUBCASE("a crash between two folders") {
    auto data = lock(folder.path());
    REQUIRE(make_group_folder(data, "g1").has_value());
    REQUIRE(data.note_group("master", "g1", {"groups/g1/log", "groups/g1/state", "log"}, {"names"})
                .has_value());
    fs::rename(folder / "names", folder / "groups/g1/state");
  }
  REQUIRE(adopt(folder.path()).has_value());
  check_adopted(folder.path());
  REQUIRE(adopt(folder.path()).has_value()); // every further start
  check_adopted(folder.path());
}

TEST_CASE("a former folder that lacks a part is refused, and is not moved") {
  temporary_folder folder;
  make_former(folder.path());
  for (std::string part : {"log", "names"}) {
    CAPTURE(part);
    fs::rename(folder / part, folder / "away");
    auto refused = adopt(folder.path());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::refused);
    CHECK(refused.error().message.find("'" + part + "'") != std::string::npos);
    CHECK_FALSE(fs::exists(folder / "groups"));
    fs::rename(folder / "away", folder / part);
  }
}

TEST_CASE("a former log that belongs to no group is removed; a folder without one is left alone") {
  temporary_folder folder;
  REQUIRE(adopt(folder / "new").has_value());
  CHECK_FALSE(fs::exists(folder / "new/groups"));
  make_log(folder / "unbound" / "log");
  write(folder / "unbound" / "identity.json",
        R"({"cluster": "reef", "node": "node-1", "uuid": "u"})");
  REQUIRE(adopt(folder / "unbound").has_value());
  CHECK_FALSE(fs::exists(folder / "unbound/log"));
  CHECK(lock(folder / "unbound").group_of("master").empty());
}
