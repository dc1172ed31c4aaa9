#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
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

struct register_result {
  register_value result;
  bool matched = true;
};

/// The state machine of the simulated replicas: registers, and for each session the last command
/// with its answer, so that a retry is answered and not applied again.
class register_machine {
 public:
  /// Applies the next entry in log order. @returns the answer to a command. @param chain see
  /// `next_chain`.
  register_result apply(const spi::committed_entry& entry, std::uint64_t chain);
  register_value read(std::uint64_t key) const;

  spi::log_index index() const { return index_; }
  /// A hash of the applied entries: equal for machines with the same history.
  std::uint64_t chain() const { return chain_; }
  /// The number of applied commands, without retries.
  std::uint64_t effects() const { return effects_; }

 private:
  struct session {
    std::uint64_t sequence = 0;
    register_result answer;
  };

  register_result execute(const register_command& command);

  std::map<std::uint64_t, register_value> registers_;
  std::map<std::uint64_t, session> sessions_;
  spi::log_index index_ = 0;
  std::uint64_t chain_ = 0;
  std::uint64_t effects_ = 0;
};

/// The chain of hashes after one more entry.
std::uint64_t next_chain(std::uint64_t chain, bool no_op, std::string_view command);

} // namespace atl::sim
