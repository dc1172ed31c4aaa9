#include "contains.hpp"
#include "names_fixture.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <cmath>

// Policies, storage nodes, and where fragments are.
using namespace names;
using outcome = responses::relocation_outcome;

namespace {

std::vector<outcome> relocate(audited_subject& it, std::vector<commands::relocation> moves) {
  return it.run(commands::relocate{1, std::move(moves)})->outcomes;
}

/// The spare and number of each chunk that lacks fragments, in order.
std::vector<std::pair<int, std::uint64_t>> incomplete(const audited_subject& it) {
  std::vector<std::pair<int, std::uint64_t>> all;
  queries::incomplete query;
  for (query.limit = 2;;) { // small pages, so that a page ends between any two
    auto page = it.query(query);
    for (const auto& item : page->chunks)
      all.emplace_back(item.spare, item.chunk.id.random);
    if (!page->more)
      return all;
    query.after_spare = page->chunks.back().spare;
    query.after = page->chunks.back().chunk.id;
  }
}

} // namespace

TEST_CASE("equal policies have one id, and others another") {
  audited_subject it;
  CHECK(it.run(commands::define_policy{two_copies()})->id == it.policy());
  auto other = two_copies();
  other.recovery_options = atl::spi::options{{{"k", std::int64_t{2}}}};
  auto second = it.run(commands::define_policy{other})->id;
  CHECK(second == it.policy() + 1);
  CHECK(it.run(commands::define_policy{other})->id == second);
  auto not_a_number = two_copies();
  not_a_number.recovery_options = atl::spi::options{{{"x", std::nan("")}}};
  auto third = it.run(commands::define_policy{not_a_number})->id;
  CHECK(it.run(commands::define_policy{not_a_number})->id == third);
  auto page = it.query(queries::policies{});
  REQUIRE(page->policies.size() == 3);
  CHECK(page->policies[1].policy == other);
  CHECK(it.query(queries::policies{second})->policies.size() == 1);
  CHECK(it.query(queries::policies{UINT32_MAX})->policies.empty());
}

TEST_CASE("an impossible policy is refused") {
  audited_subject it;
  auto fault = [&](auto change) {
    auto made = two_copies();
    change(made);
    return it.fault_of(commands::define_policy{made});
  };
  CHECK(fault([](auto& p) { p.recovery.clear(); }) == errc::invalid);
  CHECK(fault([](auto& p) { p.placement.clear(); }) == errc::invalid);
  CHECK(fault([](auto& p) { p.chunk_bytes = 0; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.chunk_bytes = limits::chunk_bytes_max + 1; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.fragments = 0; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.fragments = 256; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.fragments_min = 0; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.fragments_min = 3; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.survives_losses = 2; }) == errc::invalid);
  CHECK(fault([](auto& p) { p.inline_bytes_max = limits::inline_bytes_max + 1; }) == errc::invalid);
  CHECK(it.query(queries::policies{})->policies.size() == 1);
}

TEST_CASE("a directory without a policy has that of the nearest directory above with one") {
  audited_subject it;
  auto other = two_copies();
  other.inline_bytes_max = 7;
  auto second = it.run(commands::define_policy{other})->id;
  REQUIRE(it.put("/a/b/f").has_value());
  auto before = it.inode("/a/b/f");
  REQUIRE(it.run(commands::set_policy{at("/a"), second}).has_value());
  auto at_b = it.query(queries::policy_of{at("/a/b")});
  CHECK(at_b->id == second);
  CHECK(at_b->policy == other);
  CHECK(at_b->set_at == it.inode("/a"));
  CHECK(at_b->inode == it.inode("/a/b"));
  CHECK(it.query(queries::policy_of{at("/")})->id == it.policy());
  // What is there already stays as it is; what comes now has the new one.
  CHECK(it.query(queries::policy_of{at("/a/b/f")})->id == it.policy());
  CHECK(it.put("/a/b/g", "12345678").error().code == errc::refused);
  REQUIRE(it.put("/a/b/g", "1234567").has_value());
  CHECK(it.attributes("/a/b/g").policy == second);
  CHECK(it.attributes(in(before)).policy == it.policy());
  REQUIRE(it.run(new_symlink(at("/a/b/s"), "target")).has_value());
  CHECK(it.query(queries::policy_of{at("/a/b/s")})->id == second);
  CHECK(it.query(queries::policy_of{in(it.inode("/a/b/s"))}).error().code == errc::not_found);

  REQUIRE(it.run(commands::set_policy{at("/a"), no_policy}).has_value());
  CHECK(it.query(queries::policy_of{at("/a/b")})->id == it.policy());
}

TEST_CASE("a policy is set on directories alone, and only the first one if that is asked for") {
  audited_subject it;
  auto other = two_copies();
  other.chunk_bytes = 1;
  auto second = it.run(commands::define_policy{other})->id;
  REQUIRE(it.put("/d/f").has_value());
  CHECK(it.fault_of(commands::set_policy{at("/d/f"), second}) == errc::refused);
  CHECK(it.fault_of(commands::set_policy{at("/d"), 99}) == errc::not_found);
  CHECK(it.fault_of(commands::set_policy{at("/x"), second}) == errc::not_found);
  CHECK(it.fault_of(commands::set_policy{at("/"), no_policy}) == errc::refused);
  auto version = it.attributes("/").version;
  CHECK(it.run(commands::set_policy{at("/"), second, true})->version == version);
  CHECK(it.attributes("/").policy == it.policy());
  CHECK(it.run(commands::set_policy{at("/d"), second, true}).has_value());
  CHECK(it.attributes("/d").policy == second);
  CHECK(it.attributes("/d").ctime_ns == it.now_ns());
  CHECK(it.run(commands::set_policy{at("/"), second}).has_value());
  CHECK(it.attributes("/").policy == second);
}

TEST_CASE("a chunk is refused that its policy doesn't allow") {
  audited_subject it;
  it.register_storages();
  auto strict = two_copies();
  strict.fragments = 3;
  strict.fragments_min = 2;
  auto policy = it.run(commands::define_policy{strict})->id;
  auto fault = [&](std::vector<storage_id> nodes, policy_id by) {
    auto chunk = it.chunk(1);
    chunk.nodes = std::move(nodes);
    chunk.policy = by;
    auto done = it.put("/f", std::vector{chunk});
    return done ? std::nullopt : std::optional{done.error().code};
  };
  CHECK(fault({1, 2, 3}, 99) == errc::refused);
  CHECK(fault({1, 2, 3}, no_policy) == errc::refused);
  CHECK(fault({1, 2}, policy) == errc::refused);
  CHECK(fault({1, 2, 3, 1}, policy) == errc::refused);
  CHECK(fault({1, 0, 0}, policy) == errc::refused);
  CHECK(fault({1, 2, 4}, policy) == errc::refused);
  CHECK(it.summary().chunks == 0);
  CHECK(fault({1, 0, 3}, policy) == std::nullopt);
}

TEST_CASE("chunks that lack fragments are listed, the most endangered first, and followed") {
  audited_subject it;
  it.register_storages();
  auto many = two_copies();
  many.fragments = 4;
  many.survives_losses = 2;
  auto policy = it.run(commands::define_policy{many})->id;
  auto chunk_on = [&](std::uint64_t number, std::vector<storage_id> nodes) {
    chunk_record chunk{{birth_us, number}, 100, std::move(nodes), 0, policy};
    REQUIRE(it.put(fmt::format("/{}", number), std::vector{chunk}).has_value());
    return chunk;
  };
  auto first = chunk_on(1, {1, 0, 0, 0});
  chunk_on(2, {1, 2, 3, 0});
  chunk_on(3, {1, 2, 0, 0});
  chunk_on(4, {1, 2, 3, 1});
  chunk_on(5, {0, 2, 3, 1});
  using list = std::vector<std::pair<int, std::uint64_t>>;
  CHECK(incomplete(it) == list{{0, 1}, {1, 3}, {2, 2}, {2, 5}});
  CHECK(it.summary().incomplete_chunks == 4);
  CHECK(it.query(queries::incomplete{2, {}, 0})->chunks.size() == 2);

  CHECK(relocate(it, {{first.id, 1, 0, 2}, {first.id, 2, 0, 3}}) ==
        std::vector{outcome::done, outcome::done});
  CHECK(incomplete(it) == list{{1, 3}, {2, 1}, {2, 2}, {2, 5}});
  CHECK(relocate(it, {{first.id, 3, 0, 1}}) == std::vector{outcome::done});
  CHECK(incomplete(it) == list{{1, 3}, {2, 2}, {2, 5}});
  CHECK(relocate(it, {{first.id, 3, 1, 2}}) == std::vector{outcome::done});
  CHECK(incomplete(it) == list{{1, 3}, {2, 2}, {2, 5}});
  CHECK(relocate(it, {{first.id, 0, 1, no_storage}}) == std::vector{outcome::done});
  CHECK(incomplete(it) == list{{1, 3}, {2, 1}, {2, 2}, {2, 5}});
  REQUIRE(it.remove("/2").has_value());
  CHECK(incomplete(it) == list{{1, 3}, {2, 1}, {2, 5}});
}

TEST_CASE("relocations of an earlier leader are refused once a later one has sent any") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/a", std::vector{chunk}).has_value());
  auto move = [&](std::uint64_t term, storage_id from, storage_id to) {
    return it.run(commands::relocate{term, {{chunk.id, 0, from, to}}})->outcomes;
  };
  CHECK(move(3, 1, 3) == std::vector{outcome::done});
  CHECK(it.run(commands::relocate{5, {}})->outcomes.empty());
  CHECK(move(4, 3, 1) == std::vector{outcome::superseded});
  CHECK(move(5, 3, 1) == std::vector{outcome::done});
}

TEST_CASE("a fragment is moved only from its present node to a known node") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/a", std::vector{chunk}).has_value());
  CHECK(relocate(it, {{chunk.id, 0, 1, 3},
                      {chunk.id, 0, 1, 3},
                      {chunk.id, 5, 1, 3},
                      {chunk.id, 0, 3, 9},
                      {chunk.id, 0, 3, 3},
                      {chunk.id, 0, 0, 2},
                      {{1, 1}, 0, 1, 3}}) ==
        std::vector{outcome::done, outcome::is_elsewhere, outcome::impossible, outcome::impossible,
                    outcome::impossible, outcome::is_elsewhere, outcome::no_such_chunk});
  auto on_third = it.query(queries::chunks_on{3, {}, 0});
  REQUIRE(on_third->chunks.size() == 1);
  CHECK(on_third->chunks[0].nodes == std::vector<storage_id>{3, 2});
  CHECK(it.query(queries::chunks_on{1, {}, 0})->chunks.empty());
  commands::relocate too_many;
  too_many.moves.resize(limits::relocations_per_command_max + 1);
  CHECK(it.fault_of(too_many) == errc::invalid);
}

TEST_CASE("a storage node's state changes as its operator or the keeper says") {
  audited_subject it;
  it.register_storages();
  auto set = [&](storage_id id, storage_state to) {
    auto done = it.run(commands::set_storage{id, to});
    return done ? std::nullopt : std::optional{done.error().code};
  };
  using enum storage_state;
  auto state_of = [&](storage_id id) {
    for (auto& node : it.summary().storages)
      if (node.id == id)
        return node.state;
    return forgotten;
  };
  CHECK(state_of(1) == active);
  CHECK(set(1, draining) == std::nullopt);
  CHECK(state_of(1) == draining);
  CHECK(set(1, draining) == std::nullopt);
  CHECK(set(1, active) == std::nullopt);
  CHECK(set(1, dead) == std::nullopt);
  CHECK(set(1, draining) == errc::refused);
  CHECK(state_of(1) == dead);
  CHECK(set(1, active) == std::nullopt);
  CHECK(state_of(1) == active);
  CHECK(set(1, forgotten) == std::nullopt);
  CHECK(it.summary().storages.size() == 2);
  CHECK(set(1, active) == errc::refused);
  CHECK(set(1, dead) == errc::refused);
  CHECK(set(9, dead) == errc::not_found);
  CHECK(set(0, dead) == errc::not_found);
  // Name and data folder of a forgotten node are free again, for a new id.
  CHECK(it.run(commands::register_storage{"one", "uuid of one"})->id == 4);
}

TEST_CASE("a node whose name another has taken stays out, and is forgotten without harm") {
  audited_subject it;
  it.register_storages();
  REQUIRE(it.run(commands::register_storage{"one", "new folder", true})->id == 4);
  CHECK(it.fault_of(commands::set_storage{1, storage_state::active}) == errc::refused);
  CHECK(it.run(commands::set_storage{1, storage_state::forgotten}).has_value());
  CHECK(it.run(commands::register_storage{"one", "new folder"})->id == 4);
  CHECK(it.summary().storages.size() == 3);
}

TEST_CASE("no fragment is said to be on a node whose data counts as lost, or that was forgotten") {
  audited_subject it;
  it.register_storages();
  auto chunk = it.chunk(1);
  REQUIRE(it.put("/before", std::vector{chunk}).has_value());
  REQUIRE(it.run(commands::set_storage{3, storage_state::draining}).has_value());
  CHECK(relocate(it, {{chunk.id, 0, 1, 3}, {chunk.id, 0, 3, 1}}) ==
        std::vector{outcome::done, outcome::done}); // what is under way may end
  for (auto state : {storage_state::dead, storage_state::forgotten}) {
    REQUIRE(it.run(commands::set_storage{3, state}).has_value());
    CHECK(relocate(it, {{chunk.id, 0, 1, 3}}) == std::vector{outcome::impossible});
    auto other = it.chunk(2);
    other.nodes = {1, 3};
    auto put = it.put("/after", std::vector{other});
    REQUIRE_FALSE(put.has_value());
    CHECK(put.error().code == errc::refused);
    CHECK_MESSAGE(contains(put.error().message, "storage node 3"), put.error().message);
    other.nodes = {1, 2};
    other.id.random += static_cast<std::uint64_t>(state);
    CHECK(it.put("/after", std::vector{other}).has_value());
  }
}
