#pragma once

#include <atoll/sim/history.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace atl::sim {

enum class answer_kind : std::uint8_t {
  pending, ///< no outcome yet
  applied, ///< committed and applied; `result` is set
  read,    ///< a query was answered; `result` is the machine's answer
  refused, ///< refused, and certainly without effect
  unknown, ///< refused, and may still take effect
  lost,    ///< the replica stopped before it answered
};

/// What a state machine answers to a command or a query.
struct machine_answer {
  register_value result; ///< of the registers: the value of the key
  bool matched = true;   ///< of the registers; false: a `cas` found another value than it expected
  std::string bytes{};   ///< of any other machine, in an encoding of its own
};

/// Outcome of a proposal or a read.
struct answer {
  answer_kind kind = answer_kind::pending;
  /// Index of the entry; for a read, the index up to which the result is current.
  spi::log_index index = 0;
  machine_answer result;
  spi::replica_id hint = 0; ///< the replica to ask instead, if refused; 0: none
  std::string reason;
  bool is_final = false; ///< refused because the machine itself objects: no replica would accept it
};

/// That a request was refused or lost.
inline answer no_answer(answer_kind kind, std::string reason, spi::replica_id hint = 0) {
  answer out;
  out.kind = kind;
  out.hint = hint;
  out.reason = std::move(reason);
  return out;
}

} // namespace atl::sim
