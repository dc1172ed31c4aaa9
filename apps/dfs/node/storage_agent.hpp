#pragma once

#include "common/master_protocol.hpp"
#include "node/order_results.hpp"
#include "node/repair_worker.hpp"
#include "node/scrub_service.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/latest_value.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/result.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dfs {

/// Represents a storage node to its masters: reports its state to each of them as its heartbeat,
/// removes fragments on their orders, and has their tasks carried out. Must be spawned detached,
/// because it waits for the disk.
class storage_agent : public caf::event_based_actor {
 public:
  struct master {
    std::string name;
    atl::endpoint where;
  };

  struct settings {
    std::shared_ptr<atl::runtime::peer_connections> connections; ///< of the node
    std::vector<master> masters;
    std::string uuid;  ///< of the data folder
    std::string group; ///< the group that its data belongs to; empty: none yet
    /// Stores durably that the data belongs to this group.
    std::function<atl::status(const std::string& group)> join_group;
    atl::endpoint bulk;
    std::string zone;
    double weight = 1;
    /// How many requests for data the node is working on. Called by the agent's thread.
    std::function<std::uint32_t()> in_flight;
    std::shared_ptr<fragment_store> store;
    std::shared_ptr<repair_worker> repairs; ///< carries out the masters' tasks
    std::shared_ptr<scrub_service> scrub;   ///< null: nothing is read again
    /// Called by the agent's thread whenever a master says that chunks are to be stored by another
    /// policy; null: nobody does that here.
    std::function<void()> on_conversions;
    /// Gets the store's usage with each heartbeat interval; null: nobody reads it.
    std::shared_ptr<atl::latest_value<store_usage>> usage{};
    /// The same for the store's disks.
    std::shared_ptr<atl::latest_value<std::vector<disk_state>>> disks{};
    caf::actor jobs;       ///< `job_actor`; takes what clients send for their jobs
    caf::actor supervisor; ///< gets `node_failure`
  };

  storage_agent(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "dfs.storage"; }

 private:
  struct master_state {
    atl::runtime::peer_subscription connection;
    bool up = false;
    bool waiting = false;      ///< is an answer to a report outstanding?
    bool report_again = false; ///< once that answer is there
    std::deque<protocol::fragment_finding> to_tell;
    std::size_t telling = 0; ///< so many of these are in the heartbeat under way
    order_results results;
    std::uint64_t batch_taken = 0; ///< of the orders that were taken last
    storage_id known_as = no_storage;
    std::string last_warning; ///< the last warning: each is logged once
  };

  struct ordered_removal {
    protocol::fragment_removal what;
    std::uint64_t term = 0;
    std::string master;
  };

  void connect_to(const master& to);
  void query_for_masters();
  void gather_findings();
  void publish_usage() const;
  std::vector<protocol::disk_report> report_disks() const;
  void send_heartbeat(const std::string& name);
  void take_once(const std::string& name, protocol::storage_commands& commands);
  void apply_orders(const std::string& name, protocol::storage_commands& commands);
  void refuse_orders(const std::string& name, const protocol::storage_commands& commands);
  void remove_later(const std::string& name, const protocol::storage_commands& commands);
  void remove_some();
  void on_removed(const ordered_removal& order, const atl::status& removed);
  void run_tasks(const std::string& name, protocol::storage_commands& commands);
  void answer_slice(const std::string& name, const protocol::storage_commands& commands);
  void apply_commands(const std::string& name, const atl::runtime::envelope& answer);
  bool accept_group(const std::string& name, const protocol::storage_commands& commands);
  void warn_once(const std::string& name, const std::string& why);
  void on_order(const atl::runtime::envelope_from_peer& from);
  caf::result<atl::runtime::envelope> on_envelope(atl::runtime::envelope& message);
  atl::runtime::envelope on_scrub_request(const atl::runtime::envelope& message);
  void report_now(const std::string& name);
  void on_connection_event(const atl::runtime::connection_event& event);

  settings settings_;
  const atl::runtime::node_info self_; ///< of the node, when the agent started
  const std::uint64_t incarnation_;    ///< when that was: another one after each start
  std::map<std::string, master_state> masters_;
  /// Ordered by a master and not carried out yet.
  std::deque<ordered_removal> removals_;
  std::uint64_t term_ = 0; ///< the highest one in which a master gave orders
  std::uint64_t ticks_ = 0;
  std::string logged_failure_; ///< the store's failure that was logged
};

} // namespace dfs
