#pragma once

#include "plugins/recovery/replicate/replicate_under_test.hpp"

#include <atoll/keep/keeper.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace test {

using namespace atl::keep;
using atl::spi::timestamp;

/// Picks the first node that it may.
class first_of_all final : public atl::spi::balancer {
 public:
  void update(std::span<const atl::spi::member>) override {}
  atl::spi::slot pick(const atl::spi::pick_request&, const atl::spi::member_facts& facts) override {
    for (atl::spi::slot at = 0; at < facts.available.size(); ++at)
      if (facts.available[at] != 0)
        return at;
    return atl::spi::no_slot;
  }
};

/// A small cluster around a keeper: a state, nodes and what they hold. It answers queries and
/// commands at once, and orders when the test says so.
struct scripted_storage {
  static constexpr std::uint64_t unit_bytes = 1'000;

  std::map<unit_id, unit_record> units;
  std::map<node_id, node_state> nodes;
  std::map<node_id, vitals> facts;
  std::map<node_id, std::uint64_t> incarnations; ///< 0 at first
  std::set<node_id> silent;
  std::set<node_id> loses_queries; ///< for what they hold, without an answer
  std::map<node_id, std::map<fragment_key, std::uint64_t>> held; ///< with the generation
  std::uint64_t term = 1;
  std::uint64_t relocation_term = 0;
  std::uint64_t generations = 100;
  timestamp now{0};
  bool answers_orders = true;
  bool answers_lists = true;         ///< of what nodes hold
  bool loses_outcomes = false;       ///< of relocations, which take effect all the same
  std::optional<relocate> held_back; ///< the next relocation, which takes no effect yet
  bool holds_back = false;
  std::vector<order> orders;  ///< all that were given
  std::vector<order> waiting; ///< of these, those without an answer
  std::vector<notice> notices;
  std::size_t slices = 0;                             ///< lists that were asked for
  std::set<std::pair<node_id, fragment_key>> damaged; ///< copies that a verification finds

  policy_plugins plugins{subject::scheme(3), std::make_shared<first_of_all>()};
  keeper_setup setup{keeper_settings{}, {}, [this](policy_id) { return &plugins; }, 1};
  std::unique_ptr<keeper> it;

  explicit scripted_storage(node_id count = 4) {
    setup.settings.dead_after = timestamp{10'000'000};
    setup.settings.grace = timestamp{5'000'000};
    for (node_id id = 1; id <= count; ++id) {
      nodes[id] = node_state::active;
      facts[id] = {1'000'000, 900'000, 100'000, 0, id, 1, 0, true};
    }
  }

  void start() {
    it = std::make_unique<keeper>(setup);
    it->advance(now);
    lead();
    it->on_watermark({1'000, 0});
    run(timestamp{1'500'000});
  }

  void lead() {
    it->on_lead(term);
    tell_nodes();
    tell_state();
  }

  /// A unit with these copies, each of which its node has.
  unit_id add(std::uint64_t number, std::vector<node_id> where) {
    unit_record unit{{number, number}, unit_bytes, 1, 0, std::move(where)};
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      if (unit.nodes[i] != no_node)
        held[unit.nodes[i]][{unit.id, i}] = ++generations;
    units[unit.id] = unit;
    return unit.id;
  }

  void tell_nodes() {
    std::vector<node_record> records;
    for (auto [id, state] : nodes)
      records.push_back({id, state});
    it->on_nodes(records);
  }

  void tell_state() {
    auto incomplete = std::ranges::count_if(units, [](auto& entry) {
      return std::ranges::find(entry.second.nodes, no_node) != entry.second.nodes.end();
    });
    it->on_state(++versions_, units.size(), static_cast<std::uint64_t>(incomplete));
  }

  void run(timestamp time) {
    auto until = now + time;
    while (now < until) {
      now = std::min(until, now + timestamp{50'000});
      it->advance(now);
      if (now >= next_beat_) {
        next_beat_ = now + timestamp{500'000};
        for (auto& [id, what] : facts)
          if (!silent.contains(id))
            it->on_heard(id, incarnations[id], what);
      }
      for (auto effects = it->take_effects(); !effects.empty(); effects = it->take_effects())
        for (auto& each : effects)
          std::visit([this](auto& what) { carry_out(what); }, each);
    }
  }

  void answer(const order& what, order_result::outcome outcome, node_id source = no_node) {
    std::erase_if(waiting, [&](auto& each) { return each.id == what.id; });
    if (outcome == order_result::outcome::done) {
      auto& used = facts[what.at].used_bytes;
      if (what.what == order::work::copy || what.what == order::work::rebuild) {
        held[what.at][what.key] = ++generations;
        used += what.fragment_bytes;
      }
      if (what.what == order::work::remove && held[what.at].erase(what.key) > 0)
        used -= std::min(used, unit_bytes);
    }
    it->on_done(what.id, {outcome, source});
  }

  std::vector<order> ordered(order::work kind) const {
    std::vector<order> found;
    for (auto& each : orders)
      if (each.what == kind)
        found.push_back(each);
    return found;
  }
  std::size_t noticed(notice::about what) const {
    return static_cast<std::size_t>(std::ranges::count(notices, what, &notice::what));
  }
  std::vector<node_id> places(const unit_id& id) const { return units.at(id).nodes; }

 private:
  void carry_out(const unit_query& what) {
    std::vector<unit_record> found;
    for (auto& [id, unit] : units) {
      auto is_wanted = false;
      switch (what.what) {
      case unit_query::scope::incomplete:
        is_wanted = id > what.after && std::ranges::find(unit.nodes, no_node) != unit.nodes.end();
        break;
      case unit_query::scope::on_node:
        is_wanted = id > what.after && std::ranges::find(unit.nodes, what.node) != unit.nodes.end();
        break;
      case unit_query::scope::known:
        is_wanted = std::ranges::find(what.ids, id) != what.ids.end();
        break;
      }
      if (is_wanted)
        found.push_back(unit);
    }
    it->on_page(what.id, found, false);
  }

  void carry_out(const slice_query& what) {
    if (silent.contains(what.node) || loses_queries.contains(what.node))
      return;
    if (!answers_lists)
      return it->on_slice_failed(what.id);
    ++slices;
    std::vector<held_fragment> list;
    for (auto& [key, generation] : held[what.node])
      if (key >= what.from)
        list.push_back({key, generation});
    it->on_slice(what.id, list, true);
  }

  void carry_out(const order& what) {
    orders.push_back(what);
    waiting.push_back(what);
    if (!answers_orders || silent.contains(what.at))
      return;
    auto known = held[what.at].find(what.key);
    auto has_it = known != held[what.at].end();
    auto outcome = order_result::outcome::done;
    if (what.what == order::work::remove && (!has_it || known->second != what.generation))
      outcome = order_result::outcome::not_found;
    if (what.what == order::work::verify && !has_it)
      outcome = order_result::outcome::not_found;
    if (what.what == order::work::verify && damaged.erase({what.at, what.key}) > 0) {
      held[what.at].erase(what.key);
      outcome = order_result::outcome::damaged;
    }
    answer(what, outcome);
  }

  void carry_out(const relocate& what) {
    if (holds_back && !what.moves.empty()) {
      held_back = what;
      return;
    }
    std::vector<relocation_outcome> outcomes;
    for (auto& move : what.moves) {
      auto unit = units.find(move.key.unit);
      if (what.term < relocation_term)
        outcomes.push_back(relocation_outcome::superseded);
      else if (unit == units.end())
        outcomes.push_back(relocation_outcome::no_such_unit);
      else if (unit->second.nodes[move.key.fragment] != move.from)
        outcomes.push_back(relocation_outcome::is_elsewhere);
      else {
        unit->second.nodes[move.key.fragment] = move.to;
        outcomes.push_back(relocation_outcome::moved);
      }
    }
    relocation_term = std::max(relocation_term, what.term);
    if (loses_outcomes)
      it->on_command_failed(what.id);
    else
      it->on_relocated(what.id, outcomes);
    tell_state();
  }

  void carry_out(const set_node_state& what) {
    nodes[what.node] = what.to;
    tell_nodes();
    tell_state();
  }

  void carry_out(const notice& what) { notices.push_back(what); }

  std::uint64_t versions_ = 0;
  timestamp next_beat_{0};
};

} // namespace test
