#include "tally_service.hpp"

#include <atoll/core/state/saved_state.hpp>
#include <atoll/core/state/state_backup.hpp>

#include <filesystem>
#include <fstream>
#include <map>

using namespace tally;

// A backup of a state, damaged ones, and states that begin from one.

namespace {

using row_map = std::map<std::string, std::string>;

const backup_info some_info{"id", "tally", 1, "reef", "group", 42, noon_us};

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary} << bytes;
}

std::string backup_of(const row_map& rows, const backup_info& info = some_info) {
  backup_writer writer;
  auto bytes = writer.begin(info);
  for (const auto& [key, value] : rows) {
    writer.add(key, value);
    if (writer.is_full() || key.size() > 3) // several blocks
      bytes += writer.take_rows();
  }
  bytes += writer.take_rows();
  return bytes + writer.end();
}

const row_map some_rows{{"ca", "2"}, {"cbbb", "1"}, {"cc", std::string(100, 'x')}, {"sum", "3"}};

result<row_map> rows_of(const std::filesystem::path& file) {
  auto backup = backup_file::open(file);
  if (!backup)
    return tl::unexpected{backup.error()};
  row_map rows;
  auto visited = backup->visit_rows([&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  });
  if (!visited)
    return tl::unexpected{visited.error()};
  return rows;
}

result<std::unique_ptr<replicated_state>> restore(const std::filesystem::path& folder,
                                                  const std::filesystem::path& file) {
  replicated_state::settings how;
  how.free_bytes_min = 0;
  how.backup = *backup_file::open(file);
  return try_open(folder, logic::described(), how);
}

} // namespace

TEST_CASE("a backup has what was put into it, and says what it is of") {
  temporary_folder folder;
  auto file = folder / "backup";
  for (const auto& rows : {some_rows, row_map{}}) {
    write(file, backup_of(rows));
    auto backup = backup_file::open(file);
    REQUIRE(backup.has_value());
    CHECK(backup->info() == some_info);
    CHECK(backup->check().has_value());
    CHECK(*rows_of(file) == rows);
  }
  write(file, backup_of(some_rows));
  int visited = 0;
  REQUIRE(backup_file::open(file)->visit_rows([&](auto, auto) { return ++visited < 2; }));
  CHECK(visited == 2);
}

TEST_CASE("a backup that ends early, goes on, or has a changed byte is refused") {
  temporary_folder folder;
  auto file = folder / "backup";
  auto whole = backup_of(some_rows);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    write(file, whole.substr(0, length));
    REQUIRE_FALSE(rows_of(file).has_value());
    CHECK(rows_of(file).error().code == errc::corrupt);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    auto changed = whole;
    changed[at] ^= 1;
    write(file, changed);
    REQUIRE_FALSE(rows_of(file).has_value());
    CHECK(rows_of(file).error().message.find("backup") != std::string::npos);
  }
  write(file, whole + 'x');
  CHECK(rows_of(file).error().code == errc::corrupt);
  CHECK(rows_of(folder / "none").error().code == errc::io);
}

TEST_CASE("a backup that lacks a block, or has one twice, is refused") {
  temporary_folder folder;
  auto file = folder / "backup";
  backup_writer writer;
  auto head = writer.begin(some_info);
  writer.add("ca", "1");
  auto first = writer.take_rows();
  writer.add("cb", "1");
  auto second = writer.take_rows();
  auto end = writer.end();
  write(file, head + first + second + end);
  CHECK(rows_of(file)->size() == 2);
  for (const auto& bytes : {head + second + end, head + first + end, head + second + first + end,
                            head + first + first + second + end, first + second + end}) {
    write(file, bytes);
    CHECK_FALSE(rows_of(file).has_value());
  }
}

TEST_CASE("a state that begins from a backup has its rows and time, and no session or entry") {
  temporary_folder folder;
  auto state = open(folder / "state");
  for (std::uint64_t i = 1; i <= 5; ++i)
    REQUIRE(run(*state, 1, i, add, i < 4 ? "a" : "b").has_value());
  REQUIRE(state->save(folder / "copy").has_value());
  auto copy = saved_state::open(folder / "copy", logic::described());
  REQUIRE(copy.has_value());
  auto summary = copy->summary();
  REQUIRE(summary.has_value());
  CHECK(summary->applied == 5);
  CHECK(summary->cluster_id == "reef");
  row_map rows;
  REQUIRE(copy->visit_rows("cb", [&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  }));
  CHECK(rows.begin()->first == "cb"); // from the middle on
  REQUIRE(copy->visit_rows([&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  }));
  auto info = some_info;
  info.time_us = summary->time_us;
  write(folder / "backup", backup_of(rows, info));

  auto restored = restore(folder / "restored", folder / "backup");
  REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
  CHECK((*restored)->applied() == 0);
  CHECK(ask(**restored, "a") == "3");
  CHECK(ask(**restored, "b") == "2");
  CHECK(ask(**restored, "sum") == "5");
  CHECK(ask(**restored, "sessions") == "0");
  CHECK(ask(**restored, "time") == std::to_string(summary->time_us));
  CHECK((*restored)->members()->empty());
  CHECK(*run(**restored, 1, 1, add, "b") == "3"); // the session of before is forgotten
  restored->reset();
  auto again = try_open(folder / "restored");
  REQUIRE(again.has_value());
  CHECK(ask(**again, "a") == "3");
}

TEST_CASE("a damaged backup, or one of another service or version, makes no state") {
  temporary_folder folder;
  auto file = folder / "backup";
  auto other = some_info;
  other.service = "jobs";
  write(file, backup_of(some_rows, other));
  CHECK(restore(folder / "a", file).error().code == errc::refused);
  other = some_info;
  other.service_version = 2;
  write(file, backup_of(some_rows, other));
  CHECK(restore(folder / "a", file).error().code == errc::refused);
  auto damaged = backup_of(some_rows);
  damaged[damaged.size() - 20] ^= 1;
  write(file, damaged);
  CHECK(restore(folder / "a", file).error().code == errc::corrupt);
  CHECK_FALSE(std::filesystem::exists(folder / "a" / "CURRENT"));
  write(file, backup_of(some_rows));
  CHECK(restore(folder / "a", file).has_value());
}
