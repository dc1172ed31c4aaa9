#include "names_fixture.hpp"

#include <atoll/sim/storage_state_model.hpp>
#include <atoll/spi/random.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

// The state that simulations of the keeper use behaves as the name space does.
using namespace names;
using atl::sim::storage_state_model;
namespace keep = atl::keep;

namespace {

keep::unit_id unit_of(const chunk_id& id) {
  return {id.made_us, id.random};
}

/// A name space and a model of what a keeper sees of it, which are given the same commands.
class pair_of_states {
 public:
  explicit pair_of_states(std::uint64_t seed) : random_{seed} {
    names_.register_storages();
    auto made = two_copies();
    model_.define_policy(names_.policy(),
                         {made.fragments, made.fragments_min, made.survives_losses});
    for (keep::node_id node = 1; node <= nodes; ++node)
      model_.register_node(node);
  }

  void step() {
    switch (random_.below(6)) {
    case 0:
    case 1:
      return put();
    case 2:
      return remove();
    case 3:
      return relocate();
    case 4:
      return set_node_state();
    default:
      return raise_watermark();
    }
  }

  void compare() {
    auto summary = names_.summary();
    REQUIRE(summary.chunks == model_.units());
    REQUIRE(summary.incomplete_chunks == model_.incomplete_units());
    compare_incomplete();
    for (keep::node_id node = 1; node <= nodes; ++node)
      compare_node(node);
    compare_known();
  }

 private:
  static constexpr keep::node_id nodes = 3;

  keep::node_id draw_node() { return static_cast<keep::node_id>(random_.below(nodes + 1)); }

  void put() {
    auto chunk = names_.chunk(++numbers_);
    chunk.nodes = {draw_node(), draw_node()};
    if (random_.chance(0.2))
      chunk.id.made_us -= 5 * second_us;
    auto path = "/f" + std::to_string(numbers_);
    auto is_put = names_.put(path, std::vector{chunk}).has_value();
    REQUIRE(is_put == model_.put({unit_of(chunk.id),
                                  chunk.size_bytes,
                                  chunk.policy,
                                  0,
                                  {chunk.nodes.begin(), chunk.nodes.end()}}));
    if (is_put)
      files_.emplace(path, chunk.id);
    known_.push_back(chunk.id);
  }

  void remove() {
    if (files_.empty())
      return;
    auto file = std::next(files_.begin(), static_cast<long>(random_.below(files_.size())));
    REQUIRE(names_.remove(file->first).has_value());
    names_.collect_garbage();
    REQUIRE(model_.remove(unit_of(file->second)));
    files_.erase(file);
  }

  void relocate() {
    if (known_.empty())
      return;
    term_ += random_.below(3);
    auto term = term_ - random_.below(2);
    commands::relocate command{term, {}};
    std::vector<keep::relocation> moves;
    for (std::uint64_t left = random_.below(4); left > 0; --left) {
      auto id = known_[random_.below(known_.size())];
      auto fragment = static_cast<std::uint32_t>(random_.below(3));
      auto from = draw_node();
      auto to = draw_node();
      command.moves.push_back({id, fragment, from, to});
      moves.push_back({{unit_of(id), fragment}, from, to});
    }
    auto answer = names_.run(command);
    REQUIRE(answer.has_value());
    auto expected = model_.relocate(term, moves);
    REQUIRE(answer->outcomes.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      REQUIRE(outcome_of(answer->outcomes[i]) == expected[i]);
  }

  static keep::relocation_outcome outcome_of(responses::relocation_outcome what) {
    switch (what) {
    case responses::relocation_outcome::done:
      return keep::relocation_outcome::moved;
    case responses::relocation_outcome::no_such_chunk:
      return keep::relocation_outcome::no_such_unit;
    case responses::relocation_outcome::is_elsewhere:
      return keep::relocation_outcome::is_elsewhere;
    case responses::relocation_outcome::superseded:
      return keep::relocation_outcome::superseded;
    case responses::relocation_outcome::impossible:
      break;
    }
    return keep::relocation_outcome::impossible;
  }

  void set_node_state() {
    static constexpr std::pair<storage_state, keep::node_state> states[] = {
        {storage_state::active, keep::node_state::active},
        {storage_state::draining, keep::node_state::draining},
        {storage_state::dead, keep::node_state::dead}};
    auto node = static_cast<keep::node_id>(1 + random_.below(nodes));
    auto [to, model_to] = states[random_.below(3)];
    auto is_set = names_.run(commands::set_storage{node, to}).has_value();
    REQUIRE(is_set == model_.set_node_state(node, model_to));
  }

  void raise_watermark() {
    auto watermark = names_.now_us() - random_.below(10 * second_us);
    REQUIRE(names_.run(commands::collect_garbage{watermark, 100, 0}).has_value());
    model_.raise_watermark({watermark, 0});
  }

  void compare_incomplete() {
    queries::incomplete query;
    query.limit = 2;
    auto page = names_.query(query);
    REQUIRE(page.has_value());
    keep::unit_query wanted;
    wanted.units_max = 2;
    auto expected = model_.query(wanted);
    REQUIRE(page->more == expected.more);
    REQUIRE(page->chunks.size() == expected.units.size());
    for (std::size_t i = 0; i < expected.units.size(); ++i)
      check_same(page->chunks[i].chunk, expected.units[i]);
    if (!expected.units.empty())
      REQUIRE(page->chunks.back().spare == expected.last_spare);
  }

  void compare_node(keep::node_id node) {
    queries::chunks_on query;
    query.node = node;
    query.limit = 3;
    keep::unit_query wanted;
    wanted.what = keep::unit_query::scope::on_node;
    wanted.node = node;
    wanted.units_max = 3;
    for (auto more = true; more;) {
      auto page = names_.query(query);
      REQUIRE(page.has_value());
      auto expected = model_.query(wanted);
      REQUIRE(page->chunks.size() == expected.units.size());
      REQUIRE(page->more == expected.more);
      for (std::size_t i = 0; i < expected.units.size(); ++i)
        check_same(page->chunks[i], expected.units[i]);
      more = expected.more;
      if (more) {
        query.after = page->chunks.back().id;
        wanted.after = expected.units.back().id;
      }
    }
  }

  void compare_known() {
    queries::known query;
    keep::unit_query wanted;
    wanted.what = keep::unit_query::scope::known;
    for (auto& id : known_)
      if (wanted.ids.size() < 10 && random_.chance(0.3)) {
        query.ids.push_back(id);
        wanted.ids.push_back(unit_of(id));
      }
    auto answer = names_.query(query);
    REQUIRE(answer.has_value());
    std::map<keep::unit_id, chunk_record> found;
    for (auto& chunk : answer->chunks)
      found.emplace(unit_of(chunk.id), chunk);
    auto expected = model_.query(wanted);
    REQUIRE(found.size() == expected.units.size());
    for (auto& unit : expected.units)
      check_same(found.at(unit.id), unit);
  }

  static void check_same(const chunk_record& chunk, const keep::unit_record& unit) {
    REQUIRE(unit_of(chunk.id) == unit.id);
    REQUIRE(chunk.size_bytes == unit.size_bytes);
    REQUIRE(std::vector<keep::node_id>{chunk.nodes.begin(), chunk.nodes.end()} == unit.nodes);
  }

  atl::spi::random_source random_;
  audited_subject names_;
  storage_state_model model_;
  std::map<std::string, chunk_id> files_;
  std::vector<chunk_id> known_; ///< all that were ever named
  std::uint64_t numbers_ = 0;
  std::uint64_t term_ = 1;
};

} // namespace

TEST_CASE("the state that keepers are simulated with does what the name space does") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    pair_of_states both{seed};
    for (auto step = 0; step < 200; ++step) {
      both.step();
      both.compare();
    }
  }
}
