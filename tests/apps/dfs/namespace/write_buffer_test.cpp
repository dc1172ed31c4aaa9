#include "names_fixture.hpp"
#include "namespace/write_buffer.hpp"

#include <atoll/spi/random.hpp>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <atomic>
#include <map>
#include <thread>

using namespace names;
using dfs::state::row_cache;
using dfs::state::write_buffer;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// Keys of an ordered table, and of a table without order.
const std::string tables[] = {"d", "i"};

/// Replaces a file many times, all at once.
void apply_many(subject& names, int round) {
  constexpr std::uint64_t count = 100;
  std::vector<std::string> commands;
  for (std::uint64_t i = 0; i < count; ++i) {
    commands::put_file put{"/d/file", 7, std::string(1 + i % 50, static_cast<char>('a' + i % 26)),
                           true, true};
    auto sequence = static_cast<std::uint64_t>(round - 1) * count + i + 1;
    commands.push_back(encode(command{{9, 9}, sequence, names.now_us(), put}));
  }
  std::vector<committed_entry> entries;
  for (auto& bytes : commands)
    entries.push_back({names.names().applied() + entries.size() + 1, 0, false, bytes});
  auto answers = names.names().apply(entries);
  REQUIRE(answers.has_value());
  CHECK(answers->size() == count);
}

} // namespace

TEST_CASE("changes are layered over unwritten rows, and an erased row that was never stored "
          "leaves no trace") {
  for (auto& table : tables) {
    auto stored = table + "stored";
    auto fresh = table + "fresh";
    write_buffer rows;
    CHECK(rows.empty());
    CHECK(rows.find(stored) == nullptr);
    rows.put(stored, "1");
    rows.insert(fresh, "1");
    auto bytes = rows.bytes();
    CHECK(bytes > stored.size() + fresh.size() + 2);
    rows.put(stored, "22");
    rows.put(fresh, "22");
    CHECK(rows.bytes() == bytes + 2);
    CHECK(rows.find(stored)->value == "22");
    CHECK(rows.find(fresh)->value == "22");
    rows.erase(stored);
    rows.erase(fresh);
    REQUIRE(rows.find(stored) != nullptr); // the erasure must reach the database
    CHECK_FALSE(rows.find(stored)->value.has_value());
    CHECK(rows.find(fresh) == nullptr);
    rows.erase(table + "never heard of");
    REQUIRE(rows.find(table + "never heard of") != nullptr);
    rows.insert(stored, "3"); // the layer below has the row already
    rows.erase(stored);
    CHECK(rows.find(stored) != nullptr);
  }
}

TEST_CASE("a flush visits all rows, which then count as stored in the database") {
  write_buffer rows;
  rows.put("d1", "1");
  rows.put("i1", "2");
  rows.erase("i2");
  std::map<std::string, std::string> seen;
  rows.visit([&](const std::string& key, const dfs::state::row& it) {
    seen[key] = it.value.value_or("erased");
  });
  CHECK(seen == std::map<std::string, std::string>{{"d1", "1"}, {"i1", "2"}, {"i2", "erased"}});
  CHECK(rows.in_order().size() == 1);
  CHECK(rows.all_in_order().size() == 3);
  row_cache known;
  rows.move_to(known);
  CHECK(rows.empty());
  CHECK(rows.bytes() == 0);
  CHECK(*known.find("d1") == "1");
  CHECK(*known.find("i1") == "2");
  CHECK_FALSE(known.find("i2")->has_value());
}

TEST_CASE("a scan merges the database with unwritten rows") {
  temporary_folder folder;
  rocksdb::DB* raw = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  REQUIRE(rocksdb::DB::Open(options, (folder / "db").string(), &raw).ok());
  std::unique_ptr<rocksdb::DB> db{raw};
  atl::spi::random_source random{42};
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::map<std::string, std::string> expected;
    auto key = [&] { return fmt::format("{:c}{}", 'c' + random.below(3), random.below(20)); };
    REQUIRE(db->DeleteRange({}, db->DefaultColumnFamily(), "", "z").ok());
    for (auto left = random.below(12); left > 0; --left) {
      auto at = key();
      REQUIRE(db->Put({}, at, "stored").ok());
      expected[at] = "stored";
    }
    write_buffer rows;
    for (auto left = random.below(24); left > 0; --left) {
      auto at = key();
      if (random.below(3) == 0) {
        rows.erase(at);
        expected.erase(at);
      } else {
        rows.put(at, std::to_string(left));
        expected[at] = std::to_string(left);
      }
    }
    auto from = random.below(2) ? std::string{} : key();
    auto end = random.below(2) ? std::string{} : std::string{"e"};
    auto limit = random.below(2) ? std::size_t{1000} : random.below(5) + 1;
    pairs wanted;
    for (auto& [at, value] : expected)
      if (at >= from && (end.empty() || at < end) && wanted.size() < limit)
        wanted.emplace_back(at, value);
    pairs seen;
    auto done = dfs::state::scan_over(*db, rows.in_order(), {}, from, end,
                                      [&](std::string_view at, std::string_view value) {
                                        seen.emplace_back(at, value);
                                        return seen.size() < limit;
                                      });
    REQUIRE(done.ok());
    CHECK(seen == wanted);
  }
}

TEST_CASE("queries see a state between two entries, also during a flush") {
  subject names;
  names.put("/d/file", "0");
  std::atomic<bool> done{false};
  std::atomic<int> asked{0};
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      std::uint64_t version = 0;
      while (!done || asked < 100) {
        // A replaced file keeps its name, and has the complete content of one version.
        auto opened = names.query(queries::open{"/d/file"});
        if (!opened || opened->inline_bytes.size() != opened->size_bytes ||
            opened->inline_bytes.find_first_not_of(opened->inline_bytes[0]) != std::string::npos ||
            opened->version < version)
          ++wrong;
        else
          version = opened->version;
        // So does its directory while other entries are added and removed.
        auto listed = names.query(queries::list{"/d", {}, 0});
        auto stat = names.query(queries::stat{"/d"});
        if (!listed || !stat || listed->entries.empty() || listed->entries[0].name != "file" ||
            listed->entries.size() > 2)
          ++wrong;
        ++asked;
      }
    });
  for (int i = 1; i <= 400; ++i) {
    names.put("/d/file",
              std::string(static_cast<std::size_t>(1 + i % 50), static_cast<char>('a' + i % 26)));
    if (i % 2)
      names.put("/d/other", "x");
    else
      (void)names.run(commands::remove{"/d/other"});
    if (i % 7 == 0)
      REQUIRE(names.names().flush().has_value());
    if (i % 10 == 0)
      apply_many(names, i / 10);
  }
  done = true;
  for (auto& it : readers)
    it.join();
  CHECK(wrong == 0);
}
