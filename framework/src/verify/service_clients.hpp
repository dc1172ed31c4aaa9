#pragma once

#include "service_machine.hpp"

#include <atoll/core/state/session_command.hpp>
#include <atoll/sim/simulated_service.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace atl::verify {

/// Replicas of a service under test in one simulated run, and the clients that use it.
class service_clients final : public sim::simulated_service {
 public:
  /// @param service outlives the run @param random draws the ids of sessions
  service_clients(const service_under_test& service, const sim::simulation_options& options,
                  spi::random_source random);

  std::unique_ptr<sim::simulated_machine> make_machine(spi::replica_id replica) override;
  void begin(std::size_t client, spi::random_source& random, std::int64_t now) override;
  sim::client_request attempt(std::size_t client, std::uint64_t number) override;
  void finish(std::size_t client, sim::operation_outcome outcome, const sim::answer& reply,
              std::int64_t now) override;
  void inspect(const sim::simulated_machine& machine) override;
  std::string name_of_operation(std::size_t client) const override;
  std::string describe_outcome(std::size_t client) const override;
  std::string describe_command(std::string_view command) const override;
  std::string describe_query(std::uint64_t query) const override;
  std::string describe_answer(std::uint64_t query, const sim::answer& reply) const override;

 private:
  enum class operation { none, command, repetition, query };
  struct user {
    session_id session;
    std::uint64_t sequence = 0; ///< of the last command; 0: the session is new
    std::uint8_t type = 0;      ///< of the last command
    std::string body;
    bool is_answered = false; ///< the last command was
    operation present = operation::none;
    std::uint64_t query = 0;
    /// How many commands any answer that came before the operation began had shown.
    std::uint64_t effects_seen = 0;
    std::string outcome; ///< of the last operation, for people
  };

  void open_session(user& client);
  std::uint64_t number_of(std::string query);
  void draw_operation(user& client, bool asks, spi::random_source& random);
  void on_no_answer(user& client, sim::operation_outcome outcome);
  void on_command_answered(user& client, const sim::answer& reply);
  void on_query_answered(const user& client, const sim::answer& reply);
  void see_effects(spi::log_index index);

  const double reads_;
  spi::random_source random_;
  service_run_facts run_;
  std::map<std::string, std::uint64_t> query_numbers_;
  std::vector<user> users_;
  std::uint64_t effects_seen_ = 0; ///< how many commands the answers so far have shown
};

} // namespace atl::verify
