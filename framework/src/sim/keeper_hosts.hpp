#pragma once

#include "storage_world.hpp"

#include <atoll/keep/keeper.hpp>
#include <atoll/sim/simulated_keeper.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace atl::sim {

/// The processes with a keeper, numbered from 1. They carry out what their keepers ask for, as the
/// masters of a cluster do. One of them leads; a former leader may not know for a while that it
/// doesn't any more: its orders still go out, but the state refuses its queries and commands.
class keeper_hosts {
 public:
  explicit keeper_hosts(storage_world& world);
  ~keeper_hosts();

  /// The first leader begins.
  void start();
  void on_node_added(keep::node_id node);

  // -- what nodes and clients send
  void hear(keep::node_id node, std::uint64_t incarnation, const keep::vitals& what);
  /// One heartbeat of each node that is up, which arrives at once.
  void hear_all();
  void tell(keep::node_id node, const keep::fragment_key& key, keep::fragment_condition what);
  void answer(keep::node_id node, std::uint32_t host, keep::ticket id,
              const keep::order_result& result);

  // -- what faults do
  void change_leader(spi::random_source details);
  /// An operator changes a node's state.
  void set_node_state(keep::node_id node, keep::node_state to);
  void set_settings(const keep::keeper_settings& settings);
  /// New units are of the other policy from now on, which keepers come to know a little later.
  void change_policy();
  keep::policy_id policy() const { return policy_; }

  std::uint64_t term() const { return term_; }
  /// Since when the present leader leads; none: nobody does.
  std::optional<std::int64_t> leads_since() const;
  /// The longest silence of a node that the leader's host has heard, as it may judge it.
  std::int64_t silence(keep::node_id node) const;
  keep::keeper_report report() const;

 private:
  using keeper_call = std::function<void(simulated_keeper&)>;

  struct host {
    std::uint32_t id = 0;
    std::uint64_t process = 0; ///< number of the process's start
    std::unique_ptr<simulated_keeper> keeper;
    std::map<keep::policy_id, keep::policy_plugins> plugins;
    std::uint64_t term = 0; ///< in which it believes to lead; 0: it doesn't
    std::int64_t since = 0; ///< of the belief
    std::int64_t wakes_at = -1;
    std::uint64_t wake = 0; ///< number of the last wake-up
    std::int64_t woke_at = 0;
    std::uint32_t idle_wakes = 0; ///< one right after the other, without any effect
    std::int64_t worked_at = 0;   ///< when its keeper asked for something last
    std::map<keep::node_id, std::int64_t> heard_at;
    std::map<keep::node_id, std::uint64_t> incarnations; ///< of the nodes' present processes
    std::uint64_t version = 0; ///< of the state that the keeper was told last
  };
  /// The places at which messages between hosts and one node may fail.
  struct channel {
    injection_point lost_heartbeats, lost_orders, doubled_orders, late_orders, lost_results,
        doubled_results, late_results;
  };

  struct relocation_command {
    std::uint32_t host = 0;
    std::uint64_t process = 0;
    std::uint64_t term = 0;
    keep::relocate what;
    bool takes_effect = true;
    bool fails = false; ///< the host hears of a failure, perhaps wrongly
    bool is_late = false;
  };

  host& at(std::uint32_t id) { return hosts_[id - 1]; }
  const host& at(std::uint32_t id) const { return hosts_[id - 1]; }
  bool is_leader(const host& which) const { return leader_ == which.id && which.term == term_; }
  void make_keeper(host& which);
  void lead(std::uint32_t id);
  void schedule_lead(std::uint32_t id, std::int64_t delay);

  /// Calls the host's keeper, and carries out the effects.
  void call(host& which, const keeper_call& what);
  void wake(host& which);
  /// When the host calls its keeper again, if nothing happens.
  std::int64_t next_wake(const host& which) const;
  void carry_out(host& by, keep::effect& what);
  void run(host& by, const keep::unit_query& what);
  void run(host& by, const keep::slice_query& what);
  void run(host& by, const keep::order& what);
  void run(host& by, const keep::relocate& what);
  void apply(relocation_command command);
  void run(host& by, const keep::set_node_state& what);
  void run(host& by, const keep::notice& what);
  /// Calls the keeper of this process later, unless the process has ended.
  void call_later(const host& which, std::int64_t delay, keeper_call what);

  void tell_state(host& which);
  std::int64_t tick_interval() const;
  void tick();
  void tell_nodes();
  void send(keep::node_id node, channel& over, std::function<void()> arrive);
  /// How often a result arrives, and when each time.
  void send_back(channel& over, const std::function<void()>& arrive);
  std::int64_t delay();
  const keep::policy_plugins* plugins_of(host& which, keep::policy_id policy);

  storage_world& world_;
  spi::random_source random_;
  std::vector<host> hosts_;
  std::vector<channel> channels_; ///< of node 1, 2, …
  injection_point leader_changes_, failed_queries_, failed_commands_;
  std::uint32_t leader_ = 0; ///< 0: nobody leads
  std::uint64_t term_ = 0;
  std::uint64_t elections_ = 0;
  std::uint64_t processes_ = 0;
  keep::policy_id policy_ = 1;
  std::int64_t policy_known_at_ = 0;
  std::int64_t watermark_at_ = 0;
};

} // namespace atl::sim
