#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/sim/simulated_machine.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace atl::sim {

/// A command to the simulated state machine.
struct register_command {
  std::uint64_t tag = 0; ///< the number of the attempt; a retry has another number
  std::uint64_t session =
      0; ///< the client's session; a retry has the same session and sequence number
  std::uint64_t sequence = 0; ///< grows by one with each new command of a session
  std::uint64_t key = 0;
  operation_kind kind = operation_kind::write;
  std::int64_t argument = 0;
  register_value expected;
};

/// @param padding number of zero bytes appended, to make the command larger.
std::string encode(const register_command& command, std::size_t padding = 0);
/// @returns none when the bytes are not a command; such entries change nothing.
std::optional<register_command> decode_command(std::string_view bytes);

/// `write k1 7`; for bytes that aren't a command, their number.
std::string describe_command(std::string_view bytes);

/// The state machine of the simulated replicas: registers, and for each session the last command
/// with its answer, so that a retry is answered and not applied again.
class register_machine final : public simulated_machine {
 public:
  std::unique_ptr<simulated_machine> copy(spi::replica_id) const override {
    return std::make_unique<register_machine>(*this);
  }
  machine_answer apply(const spi::committed_entry& entry) override;
  /// @param key of the register
  machine_answer read(std::uint64_t key) const override;

 private:
  struct session {
    std::uint64_t sequence = 0;
    machine_answer answer;
  };

  machine_answer execute(const register_command& command);

  std::map<std::uint64_t, register_value> registers_;
  std::map<std::uint64_t, session> sessions_;
};

} // namespace atl::sim
