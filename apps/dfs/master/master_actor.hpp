#pragma once

#include "common/upkeep.hpp"
#include "master/chunk_check.hpp"
#include "master/collection.hpp"
#include "master/command_sender.hpp"
#include "master/conversion_plan.hpp"
#include "master/keeper_host.hpp"
#include "master/names_check.hpp"
#include "master/placement_service.hpp"
#include "master/registry.hpp"
#include "namespace/command.hpp"
#include "namespace/response.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/core/latest_value.hpp>
#include <atoll/core/log_limiter.hpp>
#include <atoll/core/metrics.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

/// The cluster's configuration as far as masters need it.
struct master_policy {
  std::uint64_t chunk_bytes = 8 << 20;
  std::uint64_t inline_bytes = 0;
  dfs::durability durability = dfs::durability::fsync;
  std::chrono::microseconds trash{0};              ///< how long what is removed can be restored
  std::chrono::milliseconds storage_timeout{2000}; ///< no report for so long: down
  std::chrono::microseconds grace{0}; ///< the time before unreferenced chunks are collected
  std::chrono::milliseconds collection_interval{0}; ///< between two searches for garbage
  std::chrono::microseconds session_expiry{0};
  atl::pool_options pool; ///< of the placement, without its seed
  upkeep_values upkeep;   ///< what the configuration says of repairs and the like
  protocol::plugin_choice recovery;
  protocol::plugin_choice placement;
  protocol::plugin_choice reads;
  protocol::plugin_choice consensus; ///< for `status`
};

/// A node that was turned away.
struct refused_node {
  std::string name;
  std::string folder; ///< the id of its data folder; empty: unknown
  std::string why;
  steady_time seen{};
  bool for_good = true; ///< false: the node is accepted as soon as the cause is fixed
};

/// The part of a master beside its replica: monitors the storage nodes, places chunks, collects
/// garbage, and gives clients the cluster's settings. Durable state is in the name space; the state
/// here is rebuilt from reports after a restart.
class master_actor : public caf::event_based_actor {
 public:
  struct settings {
    atl::runtime::node_info self;
    atl::runtime::role_info role; ///< the master's
    atl::group_birth birth;       ///< the certificate of the master's group
    std::vector<atl::runtime::replica_actor::peer> group;
    master_policy policy;
    caf::actor replica;
    /// How the root's content is stored in a new cluster: what the configuration says.
    dfs::policy root_policy;
    /// Loads the plugins that a policy names. Called by the actor's thread.
    std::function<atl::result<placement_plugins>(policy_id, const dfs::policy&)> load_plugins;
    std::uint64_t seed = 0;
    /// The counters of the control port, for `status`; null: none. Called by the actor's thread.
    std::function<atl::net::gatekeeper_counters()> connections;
    /// Gets what the master measures at each tick; null: nobody reads it.
    std::shared_ptr<atl::latest_value<atl::metric_set>> metrics{};
  };

  master_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void on_exit() override {
    settings_.replica = nullptr;
    commands_.stop();
    keeper_commands_.stop();
    conversion_commands_.stop();
    names_check_.stop();
  }
  const char* name() const override { return "dfs.master"; }

 private:
  static constexpr std::chrono::milliseconds replica_timeout{10'000};

  using envelope = atl::runtime::envelope;
  using promise = caf::typed_response_promise<envelope>;

  // Messages from other processes.
  caf::result<envelope> on_envelope(envelope& message);
  envelope on_heartbeat(const envelope& message);
  caf::result<envelope> allocate(const envelope& message);
  envelope place(const protocol::allocate_request& request);
  atl::error plugin_failure(std::string what);
  envelope finish(const envelope& message);
  envelope renew(const envelope& message);
  envelope collect(const envelope& message);
  envelope check_chunks(const envelope& message); // master_keeper.cpp
  envelope rebalance(const envelope& message);    // likewise
  envelope check_names(const envelope& message);  // master_check.cpp, as is the next
  void copy_names_for_check();
  caf::result<envelope> back_up_names(const envelope& message);
  protocol::cluster_info describe_settings() const;
  envelope cluster() const;
  caf::result<envelope> status();

  // Periodic work.
  void on_tick();
  void publish_metrics() const;
  /// Fetches the replica's view, then continues, also if the replica doesn't answer.
  void query_replica(const std::function<void()>& then);

  // The keeper (master_keeper.cpp).
  keeper_host::services keeper_services();
  /// Calls the keeper when it wants to be called.
  void schedule_keeper();
  void look_after_keeper();
  void collect_summary(const std::shared_ptr<std::vector<responses::storage_node>>& nodes,
                       storage_id after);
  /// The settings that hold, and the conversions that operators want.
  struct learnt_settings {
    upkeep_values upkeep;
    std::vector<conversion> conversions;
  };
  void learn_settings(const std::shared_ptr<learnt_settings>& learnt, const std::string& after);
  collection::progress keeper_progress() const;

  // Conversions (master_conversions.cpp).
  void on_conversions(std::vector<conversion> wanted);
  void begin_conversions();
  void advance_conversions();
  void finish_conversion(inode_id inode);
  void collect_after_conversions();
  envelope convert(const envelope& message);
  envelope list_conversions();

  // Storage nodes (master_nodes.cpp).
  void note_refused(const std::string& key, refused_node node);
  void forget_old_refusals();
  bool has_unknown_nodes() const;
  /// Looks up the ids of nodes in the name space; the leader registers those without one.
  void look_after_nodes();
  void resolve_ids(const responses::summary& summary);
  void set_id(const std::string& name, storage_registry::node& node, storage_id id);
  void register_unknown();

  // Policies (master_policies.cpp).
  void look_after_policies();
  /// Looks for policies that were defined since the last look, then continues.
  void learn_policies(const std::function<void()>& then);
  void learn_policy(policy_id id, const dfs::policy& what);
  void learn_root_policy();
  void define_root_policy();
  policy_id root_policy_id() const { return root_policy_ ? root_policy_->id : no_policy; }
  std::uint64_t root_chunk_bytes() const {
    return root_policy_ ? root_policy_->policy.chunk_bytes : settings_.root_policy.chunk_bytes;
  }
  std::string recovery_name(policy_id policy) const;
  void start_garbage_collection();
  /// Is garbage collected without the grace time, on request or because nodes are full?
  bool collects_without_grace(steady_time now) const;
  /// How long a new leader waits until all uploads under way have been renewed.
  std::chrono::microseconds settling_time(bool at_once) const;
  std::uint64_t wanted_gc_watermark(steady_time now, bool at_once);
  void advance_collection(steady_time now);
  /// Bytes of files in the trash that make room now, because the nodes are full.
  std::uint64_t trash_to_discard(const responses::summary& summary, steady_time now);
  void hurry(const std::string& node);

  /// Proposes a command, unless another one is under way. `done` gets the response if there is one.
  void submit(action what, std::function<void(std::string)> done);
  template <class Query>
  void query(const Query& query, std::function<void(atl::result<typename Query::response>)> done,
             std::chrono::milliseconds timeout = replica_timeout);
  bool leads() const;
  envelope error_reply(const atl::error& problem, bool elsewhere = false) const;

  settings settings_;
  storage_registry registry_;
  placement_service placement_;
  atl::runtime::replica_view view_;
  bool view_known_ = false;
  steady_time leads_since_{};
  bool was_leader_ = false;
  std::uint64_t leads_in_term_ = 0;
  responses::summary summary_;
  std::uint64_t applied_at_collection_ = 0; ///< the index of the state after the last collection
  bool summary_known_ = false;
  bool looking_after_nodes_ = false; ///< a query is under way
  command_sender commands_;
  command_sender keeper_commands_;
  command_sender conversion_commands_;
  keeper_host keeper_;
  bool is_summary_asked_ = false;
  std::uint64_t applied_at_summary_ = 0;
  steady_time summarized_{};
  steady_time keeper_due_ = steady_time::max(); ///< when a call of the keeper is scheduled
  steady_time last_collection_{};
  steady_time last_trash_emptied_{};           ///< for want of space, before it expired
  std::uint64_t proposed_gc_watermark_us_ = 0; ///< the latest proposed watermark
  collection collection_;
  conversion_plan conversions_;
  std::vector<conversion> conversions_wanted_;
  std::optional<std::uint64_t> conversion_run_; ///< of the collection that conversions wait for
  std::uint64_t convert_rate_ = 0;
  chunk_check chunk_check_;
  /// Unreferenced chunks may be as young as this.
  std::uint64_t garbage_until_us_ = 0;
  /// The connection over which each storage node reports.
  std::map<std::string, caf::actor_addr> reports_over_;
  std::map<std::string, refused_node> refused_; ///< nodes that may not join, by name and folder
  std::string plugin_problem_; ///< why a plugin placed no chunk for the last request; empty: it did
  atl::log_limiter plugin_log_;
  names_check names_check_;
  caf::actor backup_; ///< none before the first backup

  policy_id last_policy_ = no_policy;         ///< the last one that was looked at
  std::map<policy_id, dfs::policy> policies_; ///< whose plugins are loaded
  /// Why a policy's plugins can't be used here.
  std::map<policy_id, std::string> policy_problems_;
  std::optional<responses::effective_policy> root_policy_; ///< as this master saw it last
  steady_time policies_seen_{};
  bool looking_after_policies_ = false; ///< a query is under way
};

} // namespace dfs
