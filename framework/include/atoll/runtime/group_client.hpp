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

/// A client's way to a replicated group: finds a replica that can answer, follows the leader when
/// it moves, learns of replicas that came later, tries again with jittered back-off, and finishes
/// what was under way when a replica died. Calls that are there together travel together.
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
    std::vector<member> members;                   ///< at least one
    std::chrono::microseconds timeout{10'000'000}; ///< then a call is given up
    /// With a group that refuses, or whose hosts all say that nobody listens there.
    std::chrono::microseconds refusal_timeout{2'000'000};
    std::uint64_t seed = 0; ///< for jitter, and where to begin
    std::string advice{};   ///< what a person may do where no replica answers; ends that message
  };
  /// Gets the answer, or why there is none: errc::timeout when it isn't known whether a command
  /// took effect, errc::unavailable or errc::refused when it didn't. Called by an actor's thread:
  /// it must not wait.
  using completion = std::function<void(result<std::string>)>;

  /// @param actors must outlive this object
  group_client(system& actors, settings given);
  group_client(const group_client&) = delete;
  group_client& operator=(const group_client&) = delete;
  /// What is still under way is answered with an error.
  ~group_client();

  void call(message_kind kind, std::string body, completion done);
  /// Waits for the answer.
  result<std::string> call(message_kind kind, std::string body);

  /// Asks each replica of the settings itself, once; in their order. Waits for the answers.
  std::vector<result<std::string>> call_each(message_kind kind, const std::string& body);

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace atl::runtime
