#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/core/group_folder.hpp>
#include <atoll/core/latest_value.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/core/state/replicated_state.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/node/node_context.hpp>
#include <atoll/node/role.hpp>
#include <atoll/node/service_description.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/replica_actor.hpp>

#include <caf/actor.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl::node {

/// A replica of a service that belongs to its group, for the service's own actor.
struct service_member {
  runtime::node_info node;
  runtime::role_info role;
  group_birth birth;
  std::vector<runtime::replica_actor::peer> group; ///< all members that are known, with this one
  caf::actor replica;     ///< takes `submit_command`, `query_state` and `get_replica_view`
  std::uint64_t seed = 0; ///< another one at each start
};

/// A replica of a service that belongs to no group yet.
struct waiting_member {
  runtime::node_info node;
  runtime::role_info role;
  std::vector<runtime::replica_actor::peer> group; ///< as configured
  std::string waits_for;                           ///< what has to happen first, for people
  /// Tells the replica that a node knows of a group: then none is founded beside that.
  std::function<void(const std::string& node, const std::string& group)> note_group;
};

struct waiting_replica_settings;

/// A role whose state is replicated: the nodes that have it form a group, and agree by a consensus
/// plugin on the order of commands. Opens log and state, founds or joins the group, and starts the
/// replica; clients call it by `runtime::service_client`.
///
/// An application derives from it, or uses `service_role`, which is enough for a service that needs
/// no actor of its own.
class replicated_service : public role {
 public:
  explicit replicated_service(service_description what);

  std::string_view name() const final { return description_.name; }
  /// `node.snapshot_port`, `node.reserve`, the service's cache, and the members.
  std::vector<key_spec> keys() const override;
  /// That the node is among the members.
  status check(const config& config) const override;
  status try_plugins(const config& config, const plugin_host& plugins,
                     const announce_step& announce) const final;
  status start(node_context& node) final;
  void stop() final;
  /// After its copy of the state turned out to be damaged: the next start rebuilds it.
  bool starts_again() const final;
  role_health health() const final;
  /// `atoll_replica_…`, at most a second old, while the replica belongs to a group. A service that
  /// adds its own calls this function too.
  void metrics(metric_set& into) const override;

 protected:
  /// Of the node, from `prepare` on.
  node_context& node() const { return *node_; }
  /// The members as configured, from `prepare` on.
  const std::vector<member_config>& configured() const { return configured_; }

  /// Called before anything is opened: reads the role's own settings.
  virtual status prepare() { return {}; }
  /// The settings without which stored data can't be read; they are fixed when the group is
  /// founded.
  virtual lasting_settings lasting() const { return {}; }
  /// Opens the state in `folder`, or creates one there.
  virtual result<std::shared_ptr<replicated_state>>
  open_state(const std::filesystem::path& folder, const replicated_state::settings& how) = 0;
  /// Settings in which the files of all members should agree: `group_overview` names those that
  /// differ. By default none.
  virtual shared_settings shared() const { return {}; }
  /// Called before the replica joins a group, and at each start in one: refuses a group to which
  /// the node's other data doesn't belong. Writes nothing: after a crash the replica may found
  /// another group. By default every group is fine.
  virtual status accept(const group_birth& birth) const;
  /// Called before the replica begins from a backup of its cluster: refuses one of another service
  /// or version. By default each is fine, and one that isn't ends the replica once it has a group.
  virtual status accept_backup(const backup_info& backup) const;
  /// Called at each start of the replica, after its log was bound to the group for good: notes the
  /// group for the node's other data. By default does nothing.
  virtual status on_joined(const group_birth& birth);
  /// Starts the service's own actor, which takes the messages for the role from
  /// `message_kind::application` on, and a `runtime::turned_away` for each node that may not take
  /// part. By default there is none: null.
  virtual result<caf::actor> start_application(const service_member& member);
  /// Answers a message of the application while the replica belongs to no group. By default with
  /// the reason why. Called by one thread at a time.
  virtual std::optional<runtime::envelope> answer_while_waiting(const runtime::envelope& message,
                                                                const waiting_member& member) const;

 private:
  using replica_settings = runtime::replica_actor::settings;

  std::vector<runtime::replica_actor::peer> configured_peers() const;
  std::vector<runtime::replica_actor::peer>
  known_peers(const std::vector<member_identity>& admitted) const;
  std::filesystem::path ballast_file() const;
  void release_ballast() const;
  result<std::string> find_group();
  status resume(const std::string& group);
  status open_backup(const std::string& group);
  status begin_from_backup(const group_birth& birth);
  status open_log(group_folder at);
  status make_log(const record_log::binding& bound);
  status start_admission();
  void join(const group_birth& birth, spi::replica_id self);
  status check_against(const group_birth& birth) const;
  replicated_state::settings state_settings(const group_birth& birth) const;
  result<std::shared_ptr<replicated_state>> open_service_state(const group_birth& birth);
  status start_replica(const record_log::binding& bound);
  status run_replica(const record_log::binding& bound, replica_settings settings);
  membership_query own_query() const;
  waiting_replica_settings waiting_settings(const membership_query& query) const;
  result<replica_settings> prepare_replica(const record_log::binding& bound);
  bool is_alone(const group_birth& birth) const;
  bool rebuilds_states(const group_birth& birth) const;
  result<std::string> find_damage(const group_birth& birth) const;
  void on_damaged_state(const group_birth& birth, const error& problem);
  status start_rebuilding(const record_log::binding& bound, replica_settings settings,
                          const std::string& why);
  bool take_over(const record_log::binding& bound, const replica_settings& prepared,
                 spi::log_index index, const std::string& blob);
  status start_actors(replica_settings settings, const group_birth& birth,
                      const std::vector<member_identity>& members);

  const service_description description_;
  node_context* node_ = nullptr;
  std::vector<member_config> configured_;
  endpoint listen_;
  runtime::role_info role_;
  std::optional<backup_file> backup_; ///< that the state is to begin from
  group_folder paths_;                ///< of the replica's group, once it belongs to one
  std::shared_ptr<record_log> log_;
  const std::shared_ptr<latest_value<runtime::replica_view>> latest_view_ =
      std::make_shared<latest_value<runtime::replica_view>>();
  std::mutex damage_mutex_;  ///< held while damage is noted, which several threads may find at once
  mutable std::mutex mutex_; ///< of what follows: a group is joined by an actor's thread
  bool stopping_ = false;
  bool waits_for_rebuild_ = false;
  std::atomic<bool> starts_again_{false};
  std::atomic<std::chrono::steady_clock::rep> rebuilt_at_{0}; ///< in this process; 0: never
  caf::actor admission_; ///< or the actor that rebuilds the state, in place of the replica
  caf::actor replica_;
  caf::actor membership_;
  caf::actor application_;
};

/// A replicated service that consists of its logic alone.
///
///     service_description jobs{.name = "jobs"};
///     application.roles = {std::make_shared<service_role<job_queue>>(jobs)};
template <class Logic>
class service_role final : public replicated_service {
 public:
  using replicated_service::replicated_service;

 private:
  result<std::shared_ptr<replicated_state>>
  open_state(const std::filesystem::path& folder, const replicated_state::settings& how) override {
    auto opened = replicated_state::open(folder, how, std::make_unique<Logic>());
    if (!opened)
      return tl::unexpected{opened.error()};
    return std::shared_ptr<replicated_state>{std::move(*opened)};
  }
};

} // namespace atl::node
