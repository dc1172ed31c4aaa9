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
  std::uint64_t tag = 0;      ///< this attempt's own number: a retry has another one
  std::uint64_t session = 0;  ///< whose; a retry has the same session and sequence number
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

/// `write k1 7`; of bytes that aren't a command, how many there are.
std::string describe_command(std::string_view bytes);

struct register_answer {
  register_value result;
  bool matched = true;
};

/// The state machine of the simulated replicas: registers, and for each session the last command
/// with its answer, so that a retry is answered and not applied again.
class register_machine {
 public:
  /// Applies the next entry in log order. @returns the answer to a command. @param chain see
  /// `next_chain`.
  register_answer apply(const spi::committed_entry& entry, std::uint64_t chain);
  register_value read(std::uint64_t key) const;

  spi::log_index index() const { return index_; }
  /// Two machines with the same history have the same.
  std::uint64_t chain() const { return chain_; }
  /// Commands that weren't retries.
  std::uint64_t effects() const { return effects_; }

 private:
  struct session {
    std::uint64_t sequence = 0;
    register_answer answer;
  };

  register_answer execute(const register_command& command);

  std::map<std::uint64_t, register_value> registers_;
  std::map<std::uint64_t, session> sessions_;
  spi::log_index index_ = 0;
  std::uint64_t chain_ = 0;
  std::uint64_t effects_ = 0;
};

/// Of one entry behind a chain of earlier ones.
std::uint64_t next_chain(std::uint64_t chain, bool no_op, std::string_view command);

} // namespace atl::sim
