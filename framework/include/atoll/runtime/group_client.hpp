#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/node_info.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace atl::runtime {

class system;

/// Calls a replicated group on behalf of a client: finds a replica that can answer, follows the
/// leader when another replica takes the lead, learns of replicas that joined later, retries with
/// jittered back-off, and sends calls to another replica when one dies. Calls that wait at the same
/// time share an envelope.
///
/// Thread-safe. A command must carry a session and a sequence number of the state machine's, since
/// it may be sent more than once.
class group_client {
 public:
  struct member {
    std::string name; ///< for messages to people
    endpoint where;
  };
  struct settings {
    node_info self;
    connection_settings timing;
    std::string
        role; ///< of the members, the service that is called; also names a member in messages
    std::vector<member> members;                   ///< at least one
    std::chrono::microseconds timeout{10'000'000}; ///< after which a call fails
    /// The same when the group refuses, or when all hosts say that nothing listens there.
    std::chrono::microseconds refusal_timeout{2'000'000};
    std::uint64_t seed = 0; ///< for jitter, and for the choice of the first replica
    /// The address, `host:port`, of the member to send the first command to: the leader, as far as
    /// is known. Empty, or no member's: the first member. Queries begin with a random member.
    std::string first{};
    std::string advice{}; ///< appended to the message that no replica answers: what a person may do
  };
  /// Receives the answer or the error: errc::timeout when a command may have taken effect,
  /// errc::unavailable or errc::refused when it has not. Called by an actor's thread, so it must
  /// not block and must not throw.
  using completion = std::function<void(result<std::string>)>;

  /// @param actors must outlive this object
  group_client(system& actors, settings given);
  group_client(const group_client&) = delete;
  group_client& operator=(const group_client&) = delete;
  /// Completes the calls that are under way with an error.
  ~group_client();

  void call(message_kind kind, std::string body, completion done);
  /// Waits for the answer.
  result<std::string> call(message_kind kind, std::string body);

  /// A call that any replica can answer, without a leader, such as for its own view of the group:
  /// if one is silent, another is asked as well, and replicas that failed are left out for a while.
  /// `call` does the same with `message_kind::local_query`.
  void call_any(message_kind kind, std::string body, completion done);
  /// Waits for the answer.
  result<std::string> call_any(message_kind kind, std::string body);

  /// Calls each replica of the settings once, without retries, and waits for all answers; in the
  /// order of the settings.
  std::vector<result<std::string>> call_each(message_kind kind, const std::string& body);

  /// The address, `host:port`, of the replica that answered the last command; empty: none did.
  std::string leader() const;

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace atl::runtime
