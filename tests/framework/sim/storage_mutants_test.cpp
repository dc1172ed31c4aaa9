#include "contains.hpp"
#include "storage_under_test.hpp"

#include <atoll/sim/run_arguments.hpp>
#include <atoll/sim/storage_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Keepers with a mistake, each of which the simulator must notice.

using namespace atl::sim;
using kind = storage_violation;
namespace keep = atl::keep;

namespace {

constexpr std::uint64_t seeds_max = 2'000;

/// A keeper that doesn't follow one of its rules.
keeper_factory without(bool keep::keeper_rules::*rule) {
  return [rule](keep::keeper_setup setup) {
    setup.rules.*rule = false;
    return std::make_unique<simulated_keeper>(std::move(setup));
  };
}

template <class Keeper>
keeper_factory made_by() {
  return [](keep::keeper_setup setup) { return std::make_unique<Keeper>(std::move(setup)); };
}

/// @param expected what may be noticed
/// @param faults the faults that are needed to notice it; empty: all
void check_noticed(keeper_factory make, std::initializer_list<kind> expected,
                   const std::vector<std::string>& faults = {"all"},
                   void (*change)(storage_simulation_options&) = nullptr) {
  auto options = under_test::storage_of(1);
  options.faults = named_storage_faults(faults);
  options.make_keeper = std::move(make);
  if (change)
    change(options);
  for (options.seed = 1; options.seed <= seeds_max; ++options.seed) {
    auto report = simulate_storage(options);
    if (report.ok)
      continue;
    CHECK_MESSAGE(std::ranges::find(expected, report.kind) != expected.end(), report.summary());
    return;
  }
  FAIL("no seed notices the mistake");
}

// -- mistakes that are made from outside ----------------------------------------------------------

struct believes_that_all_is_done : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  void on_done(keep::ticket id, const keep::order_result&) override {
    simulated_keeper::on_done(id, {});
  }
};

/// Leaves out or changes effects.
struct changes_effects : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  std::vector<keep::effect> take_effects() override {
    auto effects = simulated_keeper::take_effects();
    std::vector<keep::effect> out;
    for (auto& each : effects)
      change(each, out);
    return out;
  }
  virtual void change(keep::effect& what, std::vector<keep::effect>& out) = 0;
};

template <keep::order::work Work>
struct forgets_orders : changes_effects {
  using changes_effects::changes_effects;
  void change(keep::effect& what, std::vector<keep::effect>& out) override {
    auto* order = std::get_if<keep::order>(&what);
    if (!order || order->what != Work)
      out.push_back(std::move(what));
  }
};

struct repeats_relocations_backwards : changes_effects {
  using changes_effects::changes_effects;
  void change(keep::effect& what, std::vector<keep::effect>& out) override {
    if (auto* moves = std::get_if<keep::relocate>(&what)) {
      auto again = moves->moves;
      for (auto& move : again)
        if (move.from != keep::no_node) {
          std::swap(move.from, move.to);
          moves->moves.push_back(move);
        }
      if (moves->moves.size() > keep::relocations_max)
        moves->moves.resize(keep::relocations_max);
    }
    out.push_back(std::move(what));
  }
};

/// Orders each copy from two nodes.
struct doubles_copies : changes_effects {
  using changes_effects::changes_effects;
  void change(keep::effect& what, std::vector<keep::effect>& out) override {
    out.push_back(what);
    auto* order = std::get_if<keep::order>(&what);
    if (!order || order->what != keep::order::work::copy)
      return;
    auto twin = *order;
    twin.id += 1'000'000'000;
    twin.at = order->at == 1 ? 2 : 1;
    out.push_back(twin);
  }
};

struct removes_twice_what_it_names : changes_effects {
  using changes_effects::changes_effects;
  void change(keep::effect& what, std::vector<keep::effect>& out) override {
    out.push_back(what);
    auto* order = std::get_if<keep::order>(&what);
    if (!order || order->what != keep::order::work::remove)
      return;
    auto twin = *order;
    twin.id += 1'000'000'000;
    twin.key.fragment = (twin.key.fragment + 1) % 3;
    twin.at = twin.at % 8 + 1;
    twin.generation = 0;
    out.push_back(twin);
  }
};

struct drains_a_node_that_is_in_use : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  void on_nodes(std::span<const keep::node_record> nodes) override {
    std::vector<keep::node_record> told{nodes.begin(), nodes.end()};
    for (auto& node : told)
      if (node.id == 2 && node.state == keep::node_state::active)
        node.state = keep::node_state::draining;
    simulated_keeper::on_nodes(told);
  }
};

struct doesnt_drain : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  void on_nodes(std::span<const keep::node_record> nodes) override {
    std::vector<keep::node_record> told{nodes.begin(), nodes.end()};
    for (auto& node : told)
      if (node.state == keep::node_state::draining)
        node.state = keep::node_state::active;
    simulated_keeper::on_nodes(told);
  }
};

struct skips_the_last_unit_of_a_page : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  void on_page(keep::ticket id, std::span<const keep::unit_record> units, bool more,
               std::uint8_t last_spare) override {
    simulated_keeper::on_page(id, units.first(units.empty() ? 0 : units.size() - 1), more,
                              last_spare);
  }
};

struct ignores_the_number_of_streams : simulated_keeper {
  explicit ignores_the_number_of_streams(keep::keeper_setup setup)
      : simulated_keeper{unbounded(std::move(setup))} {}
  void on_settings(const keep::keeper_settings& settings) override {
    simulated_keeper::on_settings(unbounded(settings));
  }

 private:
  static keep::keeper_settings unbounded(keep::keeper_settings settings) {
    settings.streams_in = settings.streams_out = 1'000;
    return settings;
  }
  static keep::keeper_setup unbounded(keep::keeper_setup setup) {
    setup.settings = unbounded(setup.settings);
    return setup;
  }
};

/// Rebalances by settings of its own.
struct changes_the_balance : simulated_keeper {
  changes_the_balance(keep::keeper_setup setup, void (*change)(keep::keeper_settings&))
      : simulated_keeper{changed(std::move(setup), change)}, change_{change} {}
  void on_settings(const keep::keeper_settings& settings) override {
    auto other = settings;
    change_(other);
    simulated_keeper::on_settings(other);
  }

 private:
  static keep::keeper_setup changed(keep::keeper_setup setup,
                                    void (*change)(keep::keeper_settings&)) {
    change(setup.settings);
    return setup;
  }

  void (*change_)(keep::keeper_settings&);
};

keeper_factory with_balance(void (*change)(keep::keeper_settings&)) {
  return [change](keep::keeper_setup setup) {
    return std::make_unique<changes_the_balance>(std::move(setup), change);
  };
}

/// Picks the fullest node.
class fullest_first final : public atl::spi::balancer {
 public:
  void update(std::span<const atl::spi::member>) override {}
  atl::spi::slot pick(const atl::spi::pick_request&, const atl::spi::member_facts& facts) override {
    auto best = atl::spi::no_slot;
    for (atl::spi::slot at = 0; at < facts.available.size(); ++at)
      if (facts.available[at] != 0 &&
          (best == atl::spi::no_slot || facts.free_bytes[at] < facts.free_bytes[best]))
        best = at;
    return best;
  }
};

void with_fullest_first(storage_simulation_options& options) {
  options.plugins.balancer = [](std::uint64_t) { return std::make_unique<fullest_first>(); };
}

struct is_called_without_end : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  atl::spi::timestamp deadline() const override { return atl::spi::timestamp{0}; }
};

struct throws : simulated_keeper {
  using simulated_keeper::simulated_keeper;
  void on_done(keep::ticket, const keep::order_result&) override {
    throw std::runtime_error{"it can't"};
  }
};

/// Many units, and so slow a repair that their order matters.
void with_slow_repair(storage_simulation_options& options) {
  options.units = 400;
  options.duration = std::chrono::seconds{90};
  keep::keeper_settings settings;
  settings.down_after = std::chrono::seconds{2};
  settings.dead_after = std::chrono::seconds{4};
  settings.grace = std::chrono::seconds{5};
  settings.audit_period = std::chrono::seconds{20};
  settings.audit_pause = std::chrono::seconds{2};
  settings.repair_rate = 2 * options.unit_bytes_max;
  options.settings = settings;
}

void with_short_patience(storage_simulation_options& options) {
  keep::keeper_settings settings;
  settings.down_after = std::chrono::milliseconds{1'500};
  settings.dead_after = std::chrono::milliseconds{2'500};
  settings.grace = std::chrono::seconds{2};
  settings.audit_period = std::chrono::seconds{20};
  settings.audit_pause = std::chrono::seconds{1};
  options.settings = settings;
  options.duration = std::chrono::seconds{120};
}

} // namespace

TEST_CASE("a keeper that takes what a list lacks for lost is noticed") {
  check_noticed(without(&keep::keeper_rules::verify_suspicions), {kind::needless_move});
}

TEST_CASE("a keeper that takes silent nodes for dead is noticed") {
  check_noticed(without(&keep::keeper_rules::distrust_silence), {kind::dead_too_soon});
}

TEST_CASE("a keeper that gives a node that comes and goes no more time is noticed") {
  check_noticed(without(&keep::keeper_rules::damp_flapping), {kind::flapping_storm}, {"flapping"},
                with_short_patience);
}

TEST_CASE("a keeper that relocates before the copy is there is noticed") {
  check_noticed(without(&keep::keeper_rules::copy_before_relocating),
                {kind::relocated_to_nothing, kind::unit_lost});
}

TEST_CASE("a keeper that puts fragments into any zone is noticed") {
  check_noticed(without(&keep::keeper_rules::spread_over_domains), {kind::zone_crowded},
                {"node_deaths"}, [](storage_simulation_options& options) {
                  options.plugins = under_test::striped();
                  options.nodes = 9;
                  options.zones = 3;
                });
}

TEST_CASE("a keeper that copies to where it removes is noticed") {
  check_noticed(without(&keep::keeper_rules::avoid_removals),
                {kind::copied_onto_removal, kind::wanted_removed});
}

TEST_CASE("a keeper that removes what an upload has just stored is noticed") {
  check_noticed(without(&keep::keeper_rules::watermark),
                {kind::young_removed, kind::needless_move});
}

TEST_CASE("a keeper that removes without asking the state is noticed") {
  check_noticed(without(&keep::keeper_rules::ask_before_removal),
                {kind::wanted_removed, kind::removed_too_soon, kind::young_removed});
}

TEST_CASE("a keeper that removes what a moment ago was moved away is noticed") {
  check_noticed(without(&keep::keeper_rules::grace_before_removal), {kind::removed_too_soon});
}

TEST_CASE("a keeper that names no generation is noticed") {
  check_noticed(without(&keep::keeper_rules::name_generations),
                {kind::wanted_removed, kind::removed_too_soon});
}

TEST_CASE("a keeper that repairs the least endangered units first is noticed") {
  check_noticed(without(&keep::keeper_rules::most_endangered_first), {kind::endangered_waited},
                {"node_deaths", "node_wipes", "disk_failures"}, with_slow_repair);
}

TEST_CASE("a keeper that copies at any rate is noticed") {
  check_noticed(without(&keep::keeper_rules::keep_rates), {kind::rate_exceeded},
                {"node_deaths", "node_wipes", "drains"});
}

TEST_CASE("a keeper that takes an unfinished list for all that a node has is noticed") {
  check_noticed(without(&keep::keeper_rules::whole_lists_only), {kind::verified_for_nothing});
}

TEST_CASE("a keeper that lets relocations of earlier leaders come late is noticed") {
  check_noticed(without(&keep::keeper_rules::fence_leaders),
                {kind::relocated_to_nothing, kind::wanted_removed, kind::removed_too_soon},
                {"leader_changes", "node_crashes", "node_wipes", "drains"});
}

TEST_CASE("a keeper that takes each order for done is noticed") {
  check_noticed(made_by<believes_that_all_is_done>(),
                {kind::relocated_to_nothing, kind::unit_lost, kind::not_converged});
}

TEST_CASE("a keeper that repairs nothing is noticed") {
  check_noticed(made_by<forgets_orders<keep::order::work::copy>>(), {kind::not_converged});
}

TEST_CASE("a keeper that removes nothing is noticed") {
  check_noticed(made_by<forgets_orders<keep::order::work::remove>>(), {kind::not_converged});
}

TEST_CASE("a keeper that verifies nothing is noticed") {
  check_noticed(made_by<forgets_orders<keep::order::work::verify>>(), {kind::not_converged});
}

TEST_CASE("a keeper that takes relocations back is noticed") {
  check_noticed(made_by<repeats_relocations_backwards>(),
                {kind::needless_move, kind::relocated_to_nothing, kind::not_converged,
                 kind::unit_lost, kind::removed_too_soon});
}

TEST_CASE("a keeper that has two nodes make the same fragment is noticed") {
  check_noticed(made_by<doubles_copies>(), {kind::doubled_task});
}

TEST_CASE("a keeper that removes fragments nearby as well is noticed") {
  check_noticed(made_by<removes_twice_what_it_names>(),
                {kind::wanted_removed, kind::young_removed, kind::removed_too_soon});
}

TEST_CASE("a keeper that empties a node in use is noticed") {
  check_noticed(made_by<drains_a_node_that_is_in_use>(),
                {kind::needless_move, kind::rate_exceeded});
}

TEST_CASE("a keeper that leaves data on a draining node is noticed") {
  check_noticed(made_by<doesnt_drain>(), {kind::not_converged}, {"drains"});
}

TEST_CASE("a keeper that misses a unit of each page is noticed") {
  check_noticed(made_by<skips_the_last_unit_of_a_page>(),
                {kind::not_converged, kind::wanted_removed, kind::removed_too_soon});
}

TEST_CASE("a keeper that gives a node too much to copy at a time is noticed") {
  check_noticed(made_by<ignores_the_number_of_streams>(), {kind::too_many_streams},
                {"node_deaths", "node_wipes", "drains"});
}

TEST_CASE("a keeper that relieves nodes that aren't overfull is noticed") {
  check_noticed(with_balance([](auto& settings) {
                  if (settings.rebalance_threshold > 0)
                    settings.rebalance_threshold = 0.0005;
                }),
                {kind::needless_move});
}

TEST_CASE("a keeper that doesn't relieve overfull nodes is noticed") {
  check_noticed(with_balance([](auto& settings) { settings.rebalance_threshold = 0; }),
                {kind::not_converged});
}

TEST_CASE("a keeper that rebalances at any rate is noticed") {
  check_noticed(with_balance([](auto& settings) { settings.rebalance_rate = 0; }),
                {kind::rate_exceeded}, {"node_deaths"});
}

TEST_CASE("a keeper that moves from overfull nodes to full ones is noticed") {
  check_noticed(without(&keep::keeper_rules::rebalance_downhill),
                {kind::moved_uphill, kind::needless_move}, {"all"}, with_fullest_first);
}

TEST_CASE("a keeper that takes what it has moved away for being there still is noticed") {
  check_noticed(without(&keep::keeper_rules::count_departures),
                {kind::needless_move, kind::moved_uphill});
}

TEST_CASE("a keeper that wants to be called without end is noticed") {
  check_noticed(made_by<is_called_without_end>(), {kind::interface_broken});
}

TEST_CASE("a keeper that throws is noticed") {
  check_noticed(made_by<throws>(), {kind::threw});
}
