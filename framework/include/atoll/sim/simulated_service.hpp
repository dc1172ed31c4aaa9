#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/sim/machine_answer.hpp>
#include <atoll/sim/simulated_machine.hpp>
#include <atoll/sim/simulation.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace atl::sim {

/// An attempt of a client at its present operation.
struct client_request {
  std::optional<std::string> command; ///< none: a read
  std::uint64_t query = 0;            ///< of a read: the service's number of what is asked
  /// Identifies the attempt among all commands (`simulated_service::tag_of`); 0: nothing does.
  std::uint64_t tag = 0;
};

/// What a simulated group replicates: the state machine of its replicas, the operations of its
/// clients, and what is checked of both. One object serves one run, in one thread.
///
/// The simulator sends each client's attempts, repeats them at other replicas, and tells the
/// outcome. Clients have the numbers 0, 1, 2, …, and one operation under way at a time.
class simulated_service {
 public:
  simulated_service() = default;
  simulated_service(const simulated_service&) = delete;
  simulated_service& operator=(const simulated_service&) = delete;
  virtual ~simulated_service() = default;

  /// Fails the run, because of what a machine or a client saw. Set before the first call.
  std::function<void(std::string_view what)> violate;

  /// The state machine of a replica with an empty disk. It does not outlive the service.
  virtual std::unique_ptr<simulated_machine> make_machine(spi::replica_id replica) = 0;

  // -- operations; times in microseconds of the run
  virtual void begin(std::size_t client, spi::random_source& random, std::int64_t now) = 0;
  /// @param number of the attempt, over all clients, from 1
  virtual client_request attempt(std::size_t client, std::uint64_t number) = 0;
  /// @param reply the answer to one of the operation's attempts, if the outcome is `ok`
  virtual void finish(std::size_t client, operation_outcome outcome, const answer& reply,
                      std::int64_t now) = 0;

  /// Looks at the machine of a replica that is up at the end of a run.
  virtual void inspect(const simulated_machine& machine) { static_cast<void>(machine); }
  /// Adds to the report what is known only at the end of a run.
  virtual void conclude(simulation_report& report) { static_cast<void>(report); }

  /// The tag of the attempt that proposed a command; 0: unknown. Proposals with a tag are checked
  /// to be committed at most once, and never after they were refused.
  virtual std::uint64_t tag_of(std::string_view command) const {
    static_cast<void>(command);
    return 0;
  }

  // -- for traces and diagrams
  virtual std::string name_of_operation(std::size_t client) const = 0;
  /// The operation that ended last, with its outcome.
  virtual std::string describe_outcome(std::size_t client) const = 0;
  virtual std::string describe_command(std::string_view command) const = 0;
  virtual std::string describe_query(std::uint64_t query) const = 0;
  /// @param reply of the kind `applied` or `read`
  virtual std::string describe_answer(std::uint64_t query, const answer& reply) const = 0;
};

} // namespace atl::sim
