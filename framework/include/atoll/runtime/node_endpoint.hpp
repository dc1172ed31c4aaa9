#pragma once

#include <atoll/core/log_limiter.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_description.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace atl::runtime {

/// The actor that a node publishes. It receives every envelope from other processes, refuses
/// envelopes for another cluster or group and for roles that the node doesn't have, and forwards
/// the others to the replica, the membership actor or the application of the role that they name.
/// It answers what is for the node itself: handshakes, heartbeats, status, inventory.
class node_endpoint_actor : public io_thread_actor {
 public:
  struct settings {
    std::shared_ptr<const node_description> self;
    std::vector<adopt_role> roles; ///< further ones are adopted later
  };

  node_endpoint_actor(caf::actor_config& config, settings given);
  caf::behavior make_behavior() override;
  void
  on_exit() override; ///< drops the handles: CAF keeps published actors alive until the system ends
  const char* name() const override { return "atoll.node_endpoint"; }

 private:
  /// Where the messages for a role go, and what is known of the other members of its group.
  struct route {
    role_info info;
    std::uint64_t digest = 0; ///< of the group
    caf::actor replica;
    caf::actor application;
    caf::actor membership;
    std::string admin_command;
    std::map<spi::replica_id, std::string> folder_of; ///< data folder of each known member
    std::map<spi::replica_id, replica_mark> marks;    ///< the latest mark of each replica
    std::set<std::string> turned_away; ///< nodes that were turned away and not accepted since
  };

  void adopt(adopt_role& role);
  /// Forgets the marks of replicas that aren't members.
  static void take_folders(route& of, std::map<spi::replica_id, std::string> folder_of);
  caf::result<envelope> on_envelope(envelope& message);
  envelope answer_handshake(const envelope& message);
  std::optional<error> role_problem(const node_info& self, const node_info& who,
                                    const role_info& role, const route& here) const;
  envelope turn_away(const node_info& who, const std::string& why);
  void turn_away(route& from, const node_info& who, const std::string& why);
  std::string wrong_folder(const node_info& who, const role_info& role, const route& here) const;
  std::string older_copy(const node_info& who, const role_info& role, const route& here) const;
  static std::string replace_command(const route& here, const std::string& node);
  void tell_turned_away(const route& here, const std::string& node, const std::string& why);
  void remember(route& here, spi::replica_id of, const replica_mark& mark);
  envelope on_heartbeat(const envelope& message);
  caf::result<envelope> to_role(envelope& message);
  caf::result<envelope> to_replica(route& to, envelope& message);
  caf::result<envelope> from_peer(envelope& message);
  caf::result<envelope> defer(route& to, const envelope& message);
  void release_deferred(const caf::actor_addr& requester);
  route* find_route(std::string_view role);
  std::string describe_failed_role(std::string_view role) const;
  caf::result<envelope> no_such_role(std::string_view role);
  caf::result<envelope> refuse(errc code, std::string why);
  caf::result<envelope> reject_malformed(std::string why);

  settings settings_;
  std::string name_;    ///< of the node
  std::string cluster_; ///< its cluster's name
  std::uint64_t cluster_digest_;
  std::map<std::string, route, std::less<>> routes_;     ///< by role
  std::map<std::string, std::string, std::less<>> down_; ///< the roles that failed, and why
  std::size_t deferred_ = 0;                             ///< deferred calls that are under way
  std::map<caf::actor_addr, std::size_t> deferred_of_;   ///< the same, by requester
  log_limiter malformed_log_;
  log_limiter turned_away_log_;
};

} // namespace atl::runtime
