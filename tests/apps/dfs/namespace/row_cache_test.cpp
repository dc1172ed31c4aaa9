#include "names_fixture.hpp"
#include "namespace/row_cache.hpp"

using namespace names;
using dfs::state::row_cache;

TEST_CASE("the cache returns the last content of each row, also that a row is missing") {
  row_cache rows;
  CHECK(rows.find("a") == nullptr);
  rows.put("a", "1");
  rows.put("b", std::nullopt);
  CHECK(*rows.find("a") == "1");
  CHECK_FALSE(rows.find("b")->has_value());
  rows.put("a", std::nullopt);
  CHECK_FALSE(rows.find("a")->has_value());
  rows.clear();
  CHECK(rows.find("a") == nullptr);
  CHECK(rows.bytes() == 0);
}

TEST_CASE("the cache stays within its size limit, and does not keep a row that is too large") {
  row_cache rows;
  rows.put("small", "1");
  rows.put("small", std::string(row_cache::row_bytes_max, 'x'));
  CHECK(rows.find("small") == nullptr);
  CHECK(rows.bytes() == 0);
  for (int i = 0; i < 20'000; ++i) {
    rows.put(std::to_string(i), std::string(2000, 'x'));
    REQUIRE(rows.bytes() <= row_cache::bytes_max);
  }
  CHECK(rows.find("19999") != nullptr);
}

TEST_CASE("a replica's cached rows don't outlive a snapshot that replaces the state") {
  subject leader;
  subject follower;
  for (auto* it : {&leader, &follower}) {
    REQUIRE(it->put("/a/old").has_value());
    REQUIRE(it->put("/b").has_value());
  }
  // The leader continues; the follower still caches the earlier rows.
  REQUIRE(leader.run(commands::remove{"/a", true}).has_value());
  REQUIRE(leader.put("/b", "another text").has_value());
  REQUIRE(leader.put("/c").has_value());
  temporary_folder copies;
  REQUIRE(leader.names().save(copies / "snapshot").has_value());
  REQUIRE(follower.names().load(copies / "snapshot").has_value());
  REQUIRE(digest(leader.names()) == digest(follower.names()));
  for (std::uint64_t sequence = 1; auto* path : {"/a/old", "/b", "/c", "/d"}) {
    commands::put_file put{path, 7, std::string{"more"}, true, true};
    auto bytes = encode(command{{2, 2}, sequence++, birth_us * 2, put});
    CHECK(apply_entry(leader.names(), bytes) == apply_entry(follower.names(), bytes));
  }
  CHECK(digest(leader.names()) == digest(follower.names()));
}
