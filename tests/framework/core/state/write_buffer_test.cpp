#include "row_cache.hpp"
#include "temporary_folder.hpp"
#include "write_buffer.hpp"

#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rocksdb/db.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using atl::row_cache;
using atl::write_buffer;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// Keys of an ordered table, and of a table without order.
const std::string tables[] = {"d", "i"};
constexpr const char* lookup_only = "i";

} // namespace

TEST_CASE("changes are layered over unwritten rows, and an erased row that was never stored "
          "leaves no trace") {
  for (auto& table : tables) {
    auto stored = table + "stored";
    auto fresh = table + "fresh";
    write_buffer rows{lookup_only};
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
  write_buffer rows{lookup_only};
  rows.put("d1", "1");
  rows.put("i1", "2");
  rows.erase("i2");
  std::map<std::string, std::string> seen;
  rows.visit(
      [&](const std::string& key, const atl::row& it) { seen[key] = it.value.value_or("erased"); });
  CHECK(seen == std::map<std::string, std::string>{{"d1", "1"}, {"i1", "2"}, {"i2", "erased"}});
  CHECK(rows.in_order().size() == 1);
  CHECK(rows.all_in_order().size() == 3);
  std::string order;
  rows.put("i0", "3");
  rows.visit_sorted([&](const std::string& key, const atl::row&) { order += key + " "; });
  CHECK(order == "d1 i0 i1 i2 ");
  row_cache known{1u << 20};
  known.put("i2", "before");
  REQUIRE(rows.use("d1") != nullptr);
  REQUIRE(rows.use("i1")->value == "2");
  CHECK(rows.use("other") == nullptr);
  rows.set_aside();
  CHECK(rows.empty());
  CHECK(rows.bytes() == 0);
  CHECK(rows.all_in_order().size() == 4);
  rows.drop_aside()->copy_to(known);
  CHECK(rows.all_in_order().empty());
  CHECK(known.find("d1")->value == "1");
  CHECK(known.find("i1")->value == "2");
  CHECK_FALSE(known.find("i2")->exists);
  CHECK_FALSE(known.contains("i0")); // no command looked it up
}

TEST_CASE("rows that are set aside are found until they are dropped, under later changes") {
  for (auto& table : tables) {
    auto kept = table + "kept", changed = table + "changed", gone = table + "gone",
         late = table + "late";
    write_buffer rows{lookup_only};
    for (auto& key : {kept, changed, gone, late})
      rows.insert(key, "1");
    auto aside = rows.set_aside();
    REQUIRE(rows.aside() == aside.get());
    CHECK(rows.empty());
    rows.put(changed, "2");
    rows.erase(gone);
    CHECK(rows.find(kept)->value == "1");
    CHECK(rows.find(changed)->value == "2");
    REQUIRE(rows.find(gone) != nullptr); // the database will have it soon
    CHECK_FALSE(rows.find(gone)->value.has_value());
    CHECK(aside->find(gone)->value == "1");
    CHECK(rows.use(late)->value == "1");
    auto all = rows.all_in_order();
    CHECK(all.size() == 4);
    CHECK(all.at(changed).value == "2");
    CHECK_FALSE(all.at(gone).value.has_value());
    row_cache known{1u << 20};
    rows.drop_aside()->copy_to(known);
    CHECK(rows.aside() == nullptr);
    CHECK(known.find(late)->value == "1"); // looked up while it was aside
    CHECK_FALSE(known.contains(kept));
    CHECK(rows.find(kept) == nullptr);
    CHECK(rows.find(changed)->value == "2");
    CHECK(rows.drop_aside() == nullptr);
  }
}

TEST_CASE("a scan merges the database with unwritten rows, and with those that are aside") {
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
    write_buffer rows{lookup_only};
    auto aside_after = random.below(30);
    for (auto left = random.below(24); left > 0; --left) {
      auto at = key();
      if (left == aside_after)
        rows.set_aside();
      if (random.below(3) == 0) {
        rows.erase(at);
        expected.erase(at);
      } else {
        rows.put(at, std::to_string(left));
        expected[at] = std::to_string(left);
      }
    }
    auto prefix = std::string{"d"};
    auto from = random.below(2) ? prefix : key();
    auto limit = random.below(2) ? std::size_t{1000} : random.below(5) + 1;
    pairs wanted;
    for (auto& [at, value] : expected)
      if (at >= from && at < "e" && wanted.size() < limit)
        wanted.emplace_back(at, value);
    pairs seen, all;
    auto visit = [&](std::string_view at, std::string_view value) {
      seen.emplace_back(at, value);
      return seen.size() < limit;
    };
    REQUIRE(atl::scan_prefix(*db, rows, {}, prefix, from, visit).ok());
    CHECK(seen == wanted);
    auto visit_all = [&](std::string_view at, std::string_view value) {
      all.emplace_back(at, value);
      return true;
    };
    REQUIRE(atl::scan_over(*db, rows.all_in_order(), {}, {}, {}, visit_all).ok());
    CHECK(all == pairs{expected.begin(), expected.end()});
  }
}
