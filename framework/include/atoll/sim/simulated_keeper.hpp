#pragma once

#include <atoll/keep/keeper.hpp>

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace atl::sim {

/// A keeper as `simulate_storage` calls it. Tests derive from this class to make keepers with a
/// mistake, by changing what the keeper hears or what it asks for.
class simulated_keeper {
 public:
  explicit simulated_keeper(keep::keeper_setup setup) : keeper_{std::move(setup)} {}
  simulated_keeper(const simulated_keeper&) = delete;
  simulated_keeper& operator=(const simulated_keeper&) = delete;
  virtual ~simulated_keeper() = default;

  virtual void advance(spi::timestamp now) { keeper_.advance(now); }
  virtual spi::timestamp deadline() const { return keeper_.deadline(); }
  virtual void on_lead(std::uint64_t term) { keeper_.on_lead(term); }
  virtual void on_follow() { keeper_.on_follow(); }
  virtual void on_settings(const keep::keeper_settings& settings) { keeper_.on_settings(settings); }
  virtual void on_policy(keep::policy_id policy) { keeper_.on_policy(policy); }
  virtual void on_nodes(std::span<const keep::node_record> nodes) { keeper_.on_nodes(nodes); }
  virtual void on_heard(keep::node_id node, std::uint64_t incarnation, const keep::vitals& what) {
    keeper_.on_heard(node, incarnation, what);
  }
  virtual void on_state(std::uint64_t version, std::uint64_t units, std::uint64_t incomplete) {
    keeper_.on_state(version, units, incomplete);
  }
  virtual void on_watermark(keep::unit_id watermark) { keeper_.on_watermark(watermark); }
  virtual void on_page(keep::ticket id, std::span<const keep::unit_record> units, bool more,
                       std::uint8_t last_spare) {
    keeper_.on_page(id, units, more, last_spare);
  }
  virtual void on_query_failed(keep::ticket id) { keeper_.on_query_failed(id); }
  virtual void on_slice(keep::ticket id, std::span<const keep::held_fragment> held, bool is_last) {
    keeper_.on_slice(id, held, is_last);
  }
  virtual void on_slice_failed(keep::ticket id) { keeper_.on_slice_failed(id); }
  virtual void on_done(keep::ticket id, const keep::order_result& result) {
    keeper_.on_done(id, result);
  }
  virtual void on_relocated(keep::ticket id, std::span<const keep::relocation_outcome> outcomes) {
    keeper_.on_relocated(id, outcomes);
  }
  virtual void on_command_failed(keep::ticket id) { keeper_.on_command_failed(id); }
  virtual void on_fragment(keep::node_id node, const keep::fragment_key& key,
                           keep::fragment_condition what) {
    keeper_.on_fragment(node, key, what);
  }
  virtual std::vector<keep::effect> take_effects() { return keeper_.take_effects(); }
  virtual keep::keeper_report report() const { return keeper_.report(); }

 protected:
  keep::keeper& keeper() { return keeper_; }
  const keep::keeper& keeper() const { return keeper_; }

 private:
  keep::keeper keeper_;
};

/// Makes a keeper, at each start of its process.
using keeper_factory = std::function<std::unique_ptr<simulated_keeper>(keep::keeper_setup)>;

} // namespace atl::sim
