#include "names_fixture.hpp"
#include "namespace/unwritten_rows.hpp"

#include <atoll/spi/random.hpp>

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <atomic>
#include <thread>

using namespace names;
using dfs::state::row;
using dfs::state::row_map;
using dfs::state::unwritten_rows;

namespace {

row_map changes(std::initializer_list<row_map::value_type> rows) {
  return {rows};
}

using pairs = std::vector<std::pair<std::string, std::string>>;

} // namespace

TEST_CASE("changes lie over what is unwritten; what was never stored leaves nothing when erased") {
  unwritten_rows rows;
  rows.take(changes({{"stored", {"1", false}}, {"fresh", {"1", true}}}));
  CHECK(rows.bytes() > 0);
  rows.take(changes({{"stored", {"2", false}}, {"fresh", {"2", false}}}));
  CHECK(rows.rows().at("stored").value == "2");
  CHECK(rows.rows().at("fresh").value == "2");
  rows.take(changes({{"stored", {std::nullopt, false}}, {"fresh", {std::nullopt, false}}}));
  REQUIRE(rows.rows().size() == 1); // the database must hear of it
  CHECK_FALSE(rows.rows().at("stored").value.has_value());
  CHECK(rows.release().size() == 1);
  CHECK(rows.rows().empty());
  CHECK(rows.bytes() == 0);
}

TEST_CASE("a scan shows the database and what lies over it as one") {
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
    auto key = [&] { return fmt::format("{:c}{}", 'a' + random.below(3), random.below(20)); };
    REQUIRE(db->DeleteRange({}, db->DefaultColumnFamily(), "", "z").ok());
    for (auto left = random.below(12); left > 0; --left) {
      auto at = key();
      REQUIRE(db->Put({}, at, "stored").ok());
      expected[at] = "stored";
    }
    row_map layers[2];
    for (auto& layer : layers) {
      for (auto left = random.below(12); left > 0; --left) {
        auto value = fmt::format("{} {}", &layer - layers, left);
        auto& it = layer[key()];
        it.value = random.below(3) == 0 ? std::nullopt : std::optional{value};
      }
      for (auto& [at, it] : layer) {
        expected.erase(at);
        if (it.value)
          expected[at] = *it.value;
      }
    }
    auto from = random.below(2) ? std::string{} : key();
    auto end = random.below(2) ? std::string{} : std::string{"c"};
    auto limit = random.below(2) ? std::size_t{1000} : random.below(5) + 1;
    pairs wanted;
    for (auto& [at, value] : expected)
      if (at >= from && (end.empty() || at < end) && wanted.size() < limit)
        wanted.emplace_back(at, value);
    pairs seen;
    auto done = dfs::state::scan_layers(*db, {&layers[0], &layers[1]}, from, end,
                                        [&](std::string_view at, std::string_view value) {
                                          seen.emplace_back(at, value);
                                          return seen.size() < limit;
                                        });
    REQUIRE(done.ok());
    CHECK(seen == wanted);
  }
}

TEST_CASE("questions see the state between two entries, also while it is being written") {
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
        // A file replaced keeps its place, and has all of one content.
        auto opened = names.ask(questions::open{"/d/file"});
        if (!opened || opened->inline_bytes.size() != opened->size_bytes ||
            opened->inline_bytes.find_first_not_of(opened->inline_bytes[0]) != std::string::npos ||
            opened->version < version)
          ++wrong;
        else
          version = opened->version;
        // So does its directory, with what comes and goes beside it.
        auto listed = names.ask(questions::list{"/d", {}, 0});
        auto stat = names.ask(questions::stat{"/d"});
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
  }
  done = true;
  for (auto& it : readers)
    it.join();
  CHECK(wrong == 0);
}
