#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/sim/simulated_service.hpp>

#include <cstdint>
#include <vector>

namespace atl::sim {

/// Registers and counters, of which the clients' history must be linearizable.
class register_service final : public simulated_service {
 public:
  /// @param options outlive the service
  register_service(const simulation_options& options, spi::random_source random);

  std::unique_ptr<simulated_machine> make_machine(spi::replica_id replica) override;
  void begin(std::size_t client, spi::random_source& random, std::int64_t now) override;
  client_request attempt(std::size_t client, std::uint64_t number) override;
  void finish(std::size_t client, operation_outcome outcome, const answer& reply,
              std::int64_t now) override;
  void conclude(simulation_report& report) override;
  std::uint64_t tag_of(std::string_view command) const override;
  std::string name_of_operation(std::size_t client) const override;
  std::string describe_outcome(std::size_t client) const override;
  std::string describe_command(std::string_view command) const override;
  std::string describe_query(std::uint64_t key) const override;
  std::string describe_answer(std::uint64_t key, const answer& reply) const override;

 private:
  struct client_session {
    std::uint64_t number = 0;
    std::uint64_t sequence = 0; ///< of the present operation
    operation current{};
  };

  const simulation_options& options_;
  std::vector<client_session> clients_;
  history history_;
  std::uint32_t keys_ = 1;
  std::uint64_t sessions_ = 0;
  std::int64_t values_ = 0;
};

} // namespace atl::sim
