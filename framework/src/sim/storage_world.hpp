#pragma once

#include "event_queue.hpp"
#include "fault_schedule.hpp"
#include "hash.hpp"
#include "storage_parameters.hpp"

#include <atoll/core/slot_pool.hpp>
#include <atoll/sim/storage_simulation.hpp>
#include <atoll/sim/storage_state_model.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::sim {

class keeper_hosts;
class storage_checker;
class storage_node;
class storage_observer;

/// The simulated cluster in one thread: its clock, event queue and randomness, the application's
/// state, and the parts that work on it. Not thread-safe.
class storage_world {
 public:
  using action = std::function<void()>;

  /// @param parameters none: drawn from the seed
  storage_world(const storage_simulation_options& options, const storage_fault_rates& rates,
                const std::optional<storage_parameters>& parameters = std::nullopt);
  ~storage_world();
  storage_world(const storage_world&) = delete;
  storage_world& operator=(const storage_world&) = delete;

  const storage_simulation_options& options() const { return options_; }
  const storage_parameters& parameters() const { return parameters_; }
  storage_parameters& parameters() { return parameters_; }
  std::int64_t now() const { return now_; }
  spi::timestamp time() const { return spi::timestamp{now_}; }
  const fault_schedule& faults() const { return faults_; }
  storage_fault_rates& rates() { return rates_; }
  storage_stats& stats() { return stats_; }
  storage_state_model& state() { return state_; }
  storage_checker& checker() { return *checker_; }
  /// The checker, unless something else was set.
  storage_observer& observer() { return *observer_; }
  /// Refers to the observer, which hears everything in the checker's place.
  void set_observer(storage_observer& observer) { observer_ = &observer; }
  keeper_hosts& hosts() { return *hosts_; }
  const spi::recovery& scheme() const { return *scheme_; }
  const spi::fragment_layout& layout() const { return layout_; }
  std::uint64_t fragment_bytes(const keep::unit_record& unit, std::uint32_t fragment) const {
    return scheme_->fragment_size(unit.size_bytes, fragment);
  }

  // -- nodes, numbered from 1
  keep::node_id node_count() const { return static_cast<keep::node_id>(nodes_.size()); }
  storage_node& node(keep::node_id id) { return *nodes_[id - 1]; }
  bool has_node(keep::node_id id) const { return id >= 1 && id <= nodes_.size(); }
  /// A further node, which begins to work at once.
  keep::node_id add_node(std::uint32_t zone);

  // -- time
  /// Processes the next event. @returns false when there is none, or a check failed.
  bool step();
  void run_until(std::int64_t at);
  void at_time(std::int64_t at, action what) {
    queue_.push({std::max(at, now_), 0, actions_.put(std::move(what))});
  }
  void after(std::int64_t delay, action what) { at_time(now_ + delay, std::move(what)); }

  // -- outcome
  bool ok() const { return violation_ == storage_violation::none; }
  storage_violation violation() const { return violation_; }
  const std::string& reason() const { return reason_; }
  /// The first one counts.
  void violate(storage_violation kind, std::string_view what);
  std::uint64_t hash() const { return hash_; }
  void note(std::uint64_t value) { hash_ = combine(hash_, value); }
  const std::vector<acted_fault>& acted() const { return faults_.acted(); }

  /// Decides whether a fault acts at this place now. @returns the RNG for its details.
  std::optional<spi::random_source> should_inject(injection_point& at, double probability) {
    return faults_.should_inject(at, probability, now_);
  }

  bool tracing() const { return static_cast<bool>(options_.trace); }
  template <class... Args>
  void trace(fmt::format_string<Args...> text, Args&&... args) {
    if (tracing())
      trace_line(fmt::format(text, std::forward<Args>(args)...));
  }

  /// The first units, complete, on nodes that a balancer picks.
  void found_units();
  /// Ends all faults: rates become zero, and nodes that can return do.
  void heal();
  bool is_healed() const { return is_healed_; }

 private:
  struct event {
    std::int64_t at = 0;
    std::uint64_t order = 0;
    std::uint64_t slot = 0;
  };

  void trace_line(const std::string& text);

  storage_simulation_options options_;
  std::int64_t now_ = 1;
  fault_schedule faults_;
  storage_fault_rates rates_;
  storage_parameters parameters_;
  std::shared_ptr<const spi::recovery> scheme_;
  spi::fragment_layout layout_;
  basic_event_queue<event> queue_;
  slot_pool<action> actions_;
  storage_state_model state_;
  storage_stats stats_;
  std::uint64_t hash_ = 0;
  storage_violation violation_ = storage_violation::none;
  std::string reason_;
  bool is_healed_ = false;
  std::unique_ptr<storage_checker> checker_;
  storage_observer* observer_ = nullptr;
  std::vector<std::unique_ptr<storage_node>> nodes_;
  std::unique_ptr<keeper_hosts> hosts_;
};

/// A fragment as text: `unit 1200000.3 fragment 1`.
std::string to_text(const keep::fragment_key& key);
std::string to_text(const keep::unit_id& unit);

} // namespace atl::sim
