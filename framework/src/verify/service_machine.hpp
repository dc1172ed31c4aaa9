#pragma once

#include "applied_history.hpp"
#include "watched_logic.hpp"

#include <atoll/core/state/memory_state.hpp>
#include <atoll/sim/simulated_machine.hpp>
#include <atoll/verify/service_check.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::verify {

/// What the replicas of one run have in common.
struct service_run_facts {
  const service_under_test& service;
  std::string birth; ///< the certificate of the group
  /// Sessions that were idle for longer, in the state's time, may have ended. As of the logic's
  /// `info`; written by each machine.
  std::uint64_t session_idle_max_us = 0;
  applied_history history;
  std::vector<std::string> queries;                ///< by the number that a client's read names
  std::function<void(std::string_view what)> fail; ///< fails the run
};

/// The state of a service at one simulated replica. Compares all that it does with what the other
/// replicas did.
class service_machine final : public sim::simulated_machine {
 public:
  /// An empty state. @param run outlives the machine
  service_machine(service_run_facts& run, spi::replica_id replica);

  std::unique_ptr<sim::simulated_machine> copy(spi::replica_id replica) const override;
  sim::machine_answer apply(const spi::committed_entry& entry) override;
  sim::machine_answer read(std::uint64_t query) const override;
  std::optional<std::string> admission_check(std::string_view command) const override;
  void stamp(std::string& command, std::chrono::microseconds since_1970) const override;
  std::chrono::microseconds latest_stamp() const override;

  /// Compares the rows with those of other replicas, and asks for the author's invariant.
  void inspect() const;

 private:
  service_machine(service_run_facts& run, spi::replica_id replica, const memory_state& from);

  /// Takes over the state that `make` returns for a new logic, or fails the run.
  template <class Make>
  void start(Make make, std::string_view during);
  void ask_queries() const;
  std::optional<std::string> broken_invariant() const;
  void fail(std::string_view what) const;
  void check(const applied_history::finding& found) const;

  service_run_facts& run_;
  spi::replica_id replica_;
  const watched_logic* logic_ = nullptr;
  std::unique_ptr<memory_state> state_; ///< null after a failed start: the run has failed
};

} // namespace atl::verify
