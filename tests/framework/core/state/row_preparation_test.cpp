#include "prepared_rows.hpp"
#include "preparing_reader.hpp"
#include "row_cache.hpp"
#include "tally_service.hpp"

#include <atoll/spi/random.hpp>

#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

/// Rows that are read before commands are applied.
using namespace tally;

namespace {

/// Counts, of which each command's is read ahead by a function of the test's choice.
class prepared_logic final : public service_logic {
 public:
  using preparer = std::function<void(row_reader&, const service_command&)>;

  explicit prepared_logic(preparer how) : how_{std::move(how)} {}

  service_info info() const override { return counts_.info(); }
  status initialize(transaction& state) override { return counts_.initialize(state); }
  void load(row_reader& state) override { counts_.load(state); }
  std::string apply(transaction& state, const service_command& what) override {
    return counts_.apply(state, what);
  }
  void finish_batch(transaction& state) override { counts_.finish_batch(state); }
  std::string query(state_view& state, std::string_view query) const override {
    return counts_.query(state, query);
  }
  void prepare(row_reader& state, const service_command& what) const override { how_(state, what); }

 private:
  tally::logic counts_;
  preparer how_;
};

std::string count_row(const service_command& what) {
  return fmt::format("c{}", what.body);
}

/// As `apply` reads.
void read_count(row_reader& state, const service_command& what) {
  std::string count;
  state.get(count_row(what), count);
}

std::unique_ptr<replicated_state> open_prepared(const std::filesystem::path& folder,
                                                prepared_logic::preparer how = read_count) {
  replicated_state::settings settings;
  settings.cluster_id = "reef";
  settings.free_bytes_min = 0;
  auto opened =
      replicated_state::open(folder, settings, std::make_unique<prepared_logic>(std::move(how)));
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

/// A database of a few rows.
struct database {
  database() {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* raw = nullptr;
    REQUIRE(rocksdb::DB::Open(options, (folder / "db").string(), &raw).ok());
    db.reset(raw);
    for (auto* key : {"ca", "cb", "cc"})
      REQUIRE(db->Put({}, key, std::string{"of "} + key).ok());
  }

  temporary_folder folder;
  std::unique_ptr<rocksdb::DB> db;
  service_info service = logic::described();
  lately_prepared lately;
};

std::vector<read_row> one_row(std::string key, std::string value) {
  std::vector<read_row> rows;
  rows.push_back({std::move(key), std::move(value)});
  return rows;
}

/// A copy of a state with so many counts that their rows are in blocks of their own.
struct saved_state {
  saved_state() {
    auto state = open_prepared(folder / "state");
    for (std::uint64_t i = 0; i < 1000; ++i)
      REQUIRE(run(*state, 1, i + 1, add, fmt::format("{:04}", i)).has_value());
    REQUIRE(state->save(folder / "copy").has_value());
  }

  temporary_folder folder;
};

} // namespace

TEST_CASE("rows that were read ahead reach the cache, unless the database has changed since or the "
          "cache knows better") {
  prepared_rows rows{1000};
  row_cache known{1u << 20};
  auto before = rows.epoch();
  rows.add(before, one_row("a", "1"));
  rows.add(before, {read_row{"missing", std::nullopt}});
  rows.move_to(known);
  CHECK(known.find("a")->value == "1");
  CHECK_FALSE(known.find("missing")->exists);

  rows.add(before, one_row("b", "old"));
  rows.begin_epoch();
  rows.add(before, one_row("c", "old"));
  rows.move_to(known);
  CHECK_FALSE(known.contains("b"));
  CHECK_FALSE(known.contains("c"));

  rows.add(rows.epoch(), one_row("a", "2"));
  rows.move_to(known);
  CHECK(known.find("a")->value == "1");
}

TEST_CASE(
    "rows that were read ahead are dropped above a number of bytes, and taken again once they "
    "have gone to the cache") {
  prepared_rows rows{1000};
  row_cache known{1u << 20};
  rows.add(0, one_row("a", std::string(900, 'x')));
  rows.add(0, one_row("b", std::string(900, 'x')));
  rows.move_to(known);
  CHECK(known.contains("a"));
  CHECK_FALSE(known.contains("b"));
  rows.add(0, one_row("b", std::string(900, 'x')));
  rows.move_to(known);
  CHECK(known.contains("b"));
}

TEST_CASE("a row is read ahead from the database once for successive commands") {
  database over;
  std::string value;
  {
    preparing_reader state{over.service, *over.db, over.lately};
    CHECK(state.get("ca", value));
    CHECK(value == "of ca");
    CHECK_FALSE(state.get("cz", value));
    auto rows = state.take_rows();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].key == "ca");
    CHECK(rows[0].value == "of ca");
    CHECK_FALSE(rows[1].value.has_value());
  }
  preparing_reader next{over.service, *over.db, over.lately};
  CHECK(next.get("ca", value));
  CHECK_FALSE(next.get("cz", value));
  CHECK(next.take_rows().empty());
}

TEST_CASE("a scan ahead visits the rows of the database, and a command reads a bounded number") {
  database over;
  preparing_reader state{over.service, *over.db, over.lately};
  std::string seen;
  state.scan("c", "cb", [&](auto key, auto) {
    seen += key;
    return true;
  });
  CHECK(seen == "cbcc");
  std::string value;
  for (std::size_t i = 0; i < prepared_rows_max; ++i)
    state.get("ca", value);
  CHECK(state.failure().has_value());
  CHECK_FALSE(state.get("ca", value));
}

TEST_CASE(
    "a state wants commands to be prepared once one has read the disk, and no longer when none "
    "did for long") {
  saved_state saved;
  auto state = open_prepared(saved.folder / "copy");
  CHECK_FALSE(state->wants_prepare());
  REQUIRE(*run(*state, 2, 1, add, "0500") == "2");
  REQUIRE(state->wants_prepare());
  auto known = entry_of(2, 2, add, "0500");
  for (int i = 0; i < 10'000; ++i)
    state->prepare(known);
  CHECK_FALSE(state->wants_prepare());
}

TEST_CASE("a command whose rows were read ahead doesn't read the disk when it is applied") {
  saved_state saved;
  for (auto prepares : {false, true}) {
    auto copy = saved.folder / (prepares ? "prepared" : "unprepared");
    std::filesystem::copy(saved.folder / "copy", copy);
    auto state = open_prepared(copy);
    if (prepares)
      state->prepare(entry_of(2, 1, add, "0500"));
    CHECK(*run(*state, 2, 1, add, "0500") == "2");
    CHECK(state->can_apply_inline() == prepares); // false after reads from the disk
  }
}

TEST_CASE(
    "a logic that throws, reads what it may not or reads without end while it prepares does no "
    "harm") {
  temporary_folder folder;
  std::vector<prepared_logic::preparer> bad{
      [](row_reader&, const service_command&) { throw std::runtime_error("out of luck"); },
      [](row_reader& state, const service_command&) {
        std::string value;
        state.get({'\0'}, value);
        state.fail_damaged("a row");
      },
      [](row_reader& state, const service_command& what) {
        std::string value;
        while (!state.failure())
          state.get(count_row(what), value);
      }};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    auto state = open_prepared(folder / std::to_string(i), bad[i]);
    state->prepare(entry_of(1, 1, add, "a"));
    state->prepare("hostile bytes");
    CHECK(*run(*state, 1, 1, add, "a") == "1");
    CHECK(state->flush().has_value());
    CHECK(ask(*state, "a") == "1");
  }
}

TEST_CASE("replicas agree, whatever one of them reads ahead, and when") {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    spi::random_source random{seed};
    temporary_folder folder;
    auto with = open_prepared(folder / "with");
    auto without = open_prepared(folder / "without");
    std::vector<std::string> entries;
    for (std::uint64_t i = 1; i <= 120; ++i)
      entries.push_back(
          entry_of(1, i, random.below(3) == 0 ? clear : add, std::to_string(random.below(6))));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      // Later commands are read ahead as well, before or after the rows change on the disk.
      for (auto at = i; at < std::min(entries.size(), i + 3); ++at)
        with->prepare(entries[at]);
      auto event = random.below(24);
      if (event < 5)
        REQUIRE(with->flush().has_value());
      if (event == 5) {
        auto copy = folder / fmt::format("copy {}", i);
        REQUIRE(without->save(copy).has_value());
        REQUIRE(with->load(copy).has_value());
      }
      REQUIRE(apply_bytes(*with, entries[i]) == apply_bytes(*without, entries[i]));
    }
    REQUIRE(*with->digest() == *without->digest());
  }
}

TEST_CASE("replicas agree while other threads read ahead at any time") {
  temporary_folder folder;
  auto with = open_prepared(folder / "with");
  auto without = open_prepared(folder / "without");
  auto entry_at = [](std::uint64_t i) {
    return entry_of(1, i, i % 5 == 0 ? clear : add, std::to_string(i % 7));
  };
  constexpr std::uint64_t count = 1500;
  std::atomic<std::uint64_t> at = 0;
  std::vector<std::thread> preparers;
  for (std::uint64_t offset : {0, 1, 5})
    preparers.emplace_back([&, offset] {
      while (at < count)
        with->prepare(entry_at(at + offset));
    });
  for (std::uint64_t i = 1; i <= count; at = i++) {
    REQUIRE(apply_bytes(*with, entry_at(i)) == apply_bytes(*without, entry_at(i)));
    if (i % 64 == 0)
      REQUIRE(with->flush().has_value());
    if (i % 500 == 0) {
      auto copy = folder / std::to_string(i);
      REQUIRE(without->save(copy).has_value());
      REQUIRE(with->load(copy).has_value());
    }
  }
  at = count;
  for (auto& it : preparers)
    it.join();
  CHECK(*with->digest() == *without->digest());
}
