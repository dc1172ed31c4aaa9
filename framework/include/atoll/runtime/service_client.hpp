#pragma once

#include <atoll/core/error.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace atl::runtime {

class system;

/// Calls a service whose state is a `replicated_state`, on behalf of a client: numbers its commands
/// in sessions, so that each is applied once however often it is sent, and replaces sessions that
/// expired. Several commands may be under way at once, in any order. Thread-safe.
///
///     service_client jobs{actors, settings};
///     auto id = decode_answer(*jobs.run(add_job, "work"));
class service_client {
 public:
  using completion = group_client::completion;

  /// @param actors must outlive this object
  /// @param reads `local`: any replica answers queries from what it has applied, also without a
  /// leader. The state may be old by any length of time, and a later query may see an older state
  /// if another replica answers it.
  service_client(system& actors, group_client::settings given,
                 spi::read_level reads = spi::read_level::linearizable);
  service_client(const service_client&) = delete;
  service_client& operator=(const service_client&) = delete;
  /// Completes the calls that are under way with an error.
  ~service_client();

  /// Carries out a command. Completed with the answer of the service's logic, or of the framework,
  /// as `encode_answer` makes them; with an error as by `group_client`, of which errc::timeout says
  /// that the command may have taken effect.
  void run(std::uint8_t type, std::string body, completion done);
  result<std::string> run(std::uint8_t type, std::string body);

  /// Asks the service's logic. With linearizable reads the answer reflects every command that was
  /// answered before the call.
  void query(std::string query, completion done);
  result<std::string> query(std::string query);

  /// The oldest state that answered a local read: all entries up to this log index were applied.
  /// None before the first such answer.
  std::optional<spi::log_index> oldest_applied() const;

  /// For calls that are neither commands nor queries.
  group_client& group();

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace atl::runtime
