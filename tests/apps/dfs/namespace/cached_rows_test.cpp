#include "names_fixture.hpp"

using namespace names;

TEST_CASE("a replica's cached rows don't outlive a snapshot that replaces the state") {
  subject leader;
  subject follower;
  for (auto* it : {&leader, &follower}) {
    REQUIRE(it->put("/a/old").has_value());
    REQUIRE(it->put("/b").has_value());
  }
  // The leader continues; the follower still caches the earlier rows.
  REQUIRE(leader.remove("/a", true).has_value());
  REQUIRE(leader.put("/b", "another text").has_value());
  REQUIRE(leader.put("/c").has_value());
  temporary_folder copies;
  REQUIRE(leader.names().save(copies / "snapshot").has_value());
  REQUIRE(follower.names().load(copies / "snapshot").has_value());
  REQUIRE(digest(leader.names()) == digest(follower.names()));
  for (std::uint64_t sequence = 1; auto* path : {"/a/old", "/b", "/c", "/d"}) {
    auto bytes = encode(
        command{{2, 2}, sequence++, birth_us + second_us, new_file(at(path), text_pieces("more"))});
    CHECK(apply_entry(leader.names(), bytes) == apply_entry(follower.names(), bytes));
  }
  CHECK(digest(leader.names()) == digest(follower.names()));
}
