#include "master/names_backup.hpp"
#include "namespace/name_space.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/state/state_backup.hpp>

#include <doctest/doctest.h>

#include <fstream>

// The blocks of a backup, as a client asks for them.
using namespace dfs;
using protocol::backup_phase;
namespace fs = std::filesystem;

namespace {

fs::path copy_in(const fs::path& folder, const char* name) {
  name_space::settings how;
  how.cluster_id = "reef";
  how.free_bytes_min = 0;
  auto names = open_name_space(folder / "names", how);
  REQUIRE(names.has_value());
  REQUIRE((*names)->save(folder / name).has_value());
  return folder / name;
}

names_backup::settings settings_with(std::chrono::milliseconds abandoned_after) {
  return {"reef", "group", abandoned_after};
}

/// All blocks of a run, up to the last or a failure.
std::string all_blocks(names_backup& subject, std::uint64_t run, backup_phase& end) {
  std::string bytes;
  for (std::uint64_t block = 0;; ++block) {
    CHECK_FALSE(subject.request({run, block}));
    auto first = subject.answer({run, block});
    auto again = subject.answer({run, block}); // as after a lost answer
    CHECK(again.bytes == first.bytes);
    end = first.phase;
    bytes += first.bytes;
    if (end != backup_phase::block)
      return bytes;
  }
}

} // namespace

TEST_CASE("the blocks of a copy are a backup, and the copy is removed") {
  temporary_folder folder;
  names_backup subject{settings_with(std::chrono::hours{1})};
  CHECK(subject.request({1, 0}));
  CHECK(subject.answer({1, 0}).phase == backup_phase::copying);
  auto copy = copy_in(folder.path(), "copy");
  subject.begin(copy);
  backup_phase end{};
  auto bytes = all_blocks(subject, 1, end);
  CHECK(end == backup_phase::last);
  CHECK_FALSE(fs::exists(copy));
  std::ofstream{folder / "file", std::ios::binary} << bytes;
  auto backup = atl::backup_file::open(folder / "file");
  REQUIRE(backup.has_value());
  CHECK(backup->info().cluster == "reef");
  CHECK(backup->info().group == "group");
  CHECK(backup->check().has_value());
  int rows = 0;
  REQUIRE(backup->visit_rows([&](auto, auto) { return ++rows > 0; }));
  CHECK(rows == 2);               // the root, and the counters
  CHECK(subject.request({2, 0})); // the next one may begin
}

TEST_CASE("a backup is made for one client at a time, and for another one once that is gone") {
  temporary_folder folder;
  names_backup busy{settings_with(std::chrono::hours{1})};
  CHECK(busy.request({1, 0}));
  busy.begin(copy_in(folder.path(), "copy"));
  CHECK_FALSE(busy.request({2, 0}));
  CHECK(busy.answer({2, 0}).phase == backup_phase::waiting);
  CHECK(busy.answer({1, 0}).phase == backup_phase::block);
  CHECK(busy.answer({1, 7}).phase == backup_phase::failed); // out of order

  names_backup idle{settings_with(std::chrono::milliseconds{0})};
  CHECK(idle.request({1, 0}));
  auto copy = copy_in(folder.path(), "another");
  idle.begin(copy);
  CHECK(idle.answer({1, 0}).phase == backup_phase::block);
  CHECK(idle.request({2, 0}));
  CHECK_FALSE(fs::exists(copy));
  CHECK(idle.answer({1, 1}).phase == backup_phase::failed);
  CHECK_FALSE(idle.request({3, 4})); // a backup that another master began
  CHECK(idle.answer({3, 4}).phase == backup_phase::failed);
}

TEST_CASE("without a copy, or with a damaged one, the client hears why") {
  temporary_folder folder;
  names_backup subject{settings_with(std::chrono::hours{1})};
  CHECK(subject.request({1, 0}));
  subject.fail("no room");
  CHECK(subject.answer({1, 0}).failure == "no room");
  CHECK(subject.request({2, 0}));
  auto copy = copy_in(folder.path(), "copy");
  fs::remove(copy / "CURRENT");
  subject.begin(copy);
  auto answer = subject.answer({2, 0});
  CHECK(answer.phase == backup_phase::failed);
  CHECK_FALSE(answer.failure.empty());
  CHECK_FALSE(fs::exists(copy));
}
