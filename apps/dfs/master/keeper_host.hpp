#pragma once

#include "common/master_protocol.hpp"
#include "common/policy.hpp"
#include "common/rebalance_protocol.hpp"
#include "master/placement_service.hpp"
#include "master/registry.hpp"
#include "namespace/command.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>
#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// Drives a master's keeper: translates between the keeper's units and the name space's chunks,
/// hands its orders to storage nodes in the answers to their heartbeats, and logs what it does. The
/// services that take time are the master's. Not thread-safe.
class keeper_host {
 public:
  using time = std::chrono::steady_clock::time_point;
  using reply = std::function<void(atl::result<std::string>)>;

  struct services {
    /// Reads the name space linearizably; calls back later, with the response's bytes.
    std::function<void(const query_message&, reply)> query;
    /// Commits a command, after earlier ones of this host; calls back later.
    std::function<void(action, reply)> submit;
    /// Asks a storage node to fetch its orders soon.
    std::function<void(const std::string& node)> hurry;
  };

  /// @param seed another one in each process
  keeper_host(atl::keep::keeper_settings settings, std::uint64_t seed, services with);

  // -- what the master learns
  void on_leadership(bool leads, std::uint64_t term, time now);
  void on_settings(const atl::keep::keeper_settings& settings, time now);
  void on_policy(policy_id id, const dfs::policy& what, placement_plugins plugins, time now);
  /// @param nodes all of them, of all pages of the summary
  void on_summary(const responses::summary& counts,
                  const std::vector<responses::storage_node>& nodes, time now);
  void on_watermark(std::uint64_t gc_watermark_us, time now);
  void on_heartbeat(const storage_registry::node& node,
                    const protocol::storage_heartbeat& heartbeat, time now);

  /// Puts what waits for the node into the answer to its heartbeat.
  void give_orders(const storage_registry::node& node, const storage_registry& registry,
                   protocol::storage_commands& into);

  /// To be called at `deadline` at the latest.
  void advance(time now);
  time deadline() const;

  std::uint64_t request_audit(time now);
  void request_rebalance(time now);
  protocol::rebalance_state plan_rebalance() const;
  atl::keep::keeper_report report() const { return keeper_.report(); }
  const atl::keep::keeper_settings& settings() const { return settings_; }

 private:
  /// What a storage node is to do.
  struct orders {
    std::deque<protocol::fragment_removal> removals;
    std::deque<atl::keep::order> tasks;
    std::optional<atl::keep::slice_query> slice;

    bool is_empty() const { return removals.empty() && tasks.empty() && !slice; }
  };
  /// A node's orders, until it says that it has taken them.
  struct mailbox {
    std::uint64_t incarnation = 0; ///< of the process that the orders are for
    orders waiting;                ///< for the next heartbeat
    orders given;                  ///< in the answer to a heartbeat, which may have been lost
    std::uint64_t batch = 0;       ///< of `given`
  };
  struct known_policy {
    dfs::policy what;
    atl::keep::policy_plugins plugins;
  };

  /// Brings the keeper to the present before an event.
  void enter(time now);
  /// Carries out the keeper's effects.
  void drain();
  void carry_out(const atl::keep::unit_query& what);
  void carry_out(const atl::keep::slice_query& what);
  void carry_out(const atl::keep::order& what);
  void carry_out(const atl::keep::relocate& what);
  void carry_out(const atl::keep::set_node_state& what);
  void carry_out(const atl::keep::notice& what);

  template <class Answer, class Then>
  void ask(atl::keep::ticket id, const query_message& what, Then then);
  void ask_known(atl::keep::ticket id, std::vector<chunk_id> ids,
                 std::vector<atl::keep::unit_record> found);
  protocol::repair_task task_of(const atl::keep::order& what,
                                const storage_registry& registry) const;
  std::string name_of(atl::keep::node_id node) const;
  void hurry(atl::keep::node_id node);
  void on_orders_taken(const storage_registry::node& node,
                       const protocol::storage_heartbeat& heartbeat);
  /// Takes as many of the waiting orders as a heartbeat's answer may have.
  static orders next_batch(orders& waiting);

  atl::keep::keeper_settings settings_;
  services services_;
  std::map<policy_id, known_policy> policies_;
  std::map<storage_id, std::string> names_;
  std::map<std::string, std::uint32_t> zones_;
  std::map<storage_id, mailbox> mailboxes_;
  /// Counts on from the seed: nodes remember the number of the batch that they took last, perhaps
  /// from an earlier process.
  std::uint64_t last_batch_;
  std::vector<storage_id> to_hurry_;
  std::uint64_t term_ = 0;
  bool leads_ = false;
  /// Tells answers to queries of this leadership from those of an earlier one.
  std::uint64_t generation_ = 0;
  bool is_draining_ = false;
  atl::keep::keeper keeper_;
};

} // namespace dfs
