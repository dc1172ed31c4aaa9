#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/node/group_status.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace atl::node {

struct waiting_replica_settings {
  std::shared_ptr<runtime::peer_connections> connections; ///< of the node
  waiting_member self;                                    ///< all but what it waits for
  membership_query query;                                 ///< what it says of itself to members
  /// Answers a message of the application; none: the answer is what the replica waits for.
  std::function<std::optional<runtime::envelope>(const runtime::envelope& message,
                                                 const waiting_member& self)>
      answer;
  shared_settings shared; ///< for `group_status`
};

/// Stands in for a replica that doesn't take part in its group at present: is connected to the
/// other members, and tells all callers what the replica waits for.
class waiting_replica_actor : public caf::event_based_actor {
 public:
  using settings = waiting_replica_settings;

  waiting_replica_actor(caf::actor_config& config, settings given);
  void on_exit() override;

 protected:
  using envelope = runtime::envelope;
  using peer = runtime::replica_actor::peer;

  void connect_to_members();
  void disconnect() { connections_.clear(); }
  /// Null: the member isn't connected.
  caf::actor connection_to(const std::string& member) const;
  envelope on_envelope(const envelope& message);
  void on_connection_event(const runtime::connection_event& event);

  settings& shared_part() { return settings_; }
  waiting_member& self() { return settings_.self; }
  const waiting_member& self() const { return settings_.self; }

 private:
  /// A complete sentence, for callers of the replica.
  virtual std::string why_absent() const = 0;
  /// What the replica waits for, for operators.
  virtual std::string waiting_reason() const = 0;
  /// The group that this replica belongs to; none: it belongs to none yet.
  virtual std::optional<group_birth> birth() const { return std::nullopt; }
  virtual void on_unreachable(const peer&, const std::string& reason) { (void)reason; }

  envelope answer_query(const envelope& message) const;
  group_status describe() const;
  void answer_calls(const envelope& message);
  error waiting_error() const;

  settings settings_;
  std::map<std::string, runtime::peer_subscription> connections_; ///< by the member's name
  std::map<std::string, bool> up_;
};

} // namespace atl::node
