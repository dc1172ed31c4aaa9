#pragma once

#include <atoll/sim/machine_answer.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace atl::sim {

/// The state machine of one simulated replica, in memory. Not thread-safe; must not throw.
class simulated_machine {
 public:
  simulated_machine() = default;
  simulated_machine(const simulated_machine&) = default; ///< for `copy`
  simulated_machine& operator=(const simulated_machine&) = delete;
  virtual ~simulated_machine() = default;

  /// The machine as a start of a replica finds it, from its durable state or from a snapshot: with
  /// the same state, and with nothing that lies beside the state.
  virtual std::unique_ptr<simulated_machine> copy(spi::replica_id replica) const = 0;

  /// Applies the next entry in log order. @returns the answer to a command
  virtual machine_answer apply(const spi::committed_entry& entry) = 0;
  /// Answers a query from the present state. @param query see `client_request::query`
  virtual machine_answer read(std::uint64_t query) const = 0;

  /// Why the command must not be carried out, as of `state_machine::admission_check`.
  virtual std::optional<std::string> admission_check(std::string_view command) const {
    static_cast<void>(command);
    return std::nullopt;
  }
  /// Writes the proposing replica's time into a command, as of `state_machine::stamp`.
  virtual void stamp(std::string& command, std::chrono::microseconds since_1970) const {
    static_cast<void>(command);
    static_cast<void>(since_1970);
  }
  /// The latest time in the state, as of `state_machine::latest_stamp`.
  virtual std::chrono::microseconds latest_stamp() const { return {}; }
};

} // namespace atl::sim
