#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/state/session_command.hpp>
#include <atoll/core/state/transaction.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atl {

/// What a replicated state must know of the application whose state it is.
struct service_info {
  /// The application's name, stored in the state: that of another application is refused. 1 to 64
  /// bytes.
  std::string name;
  /// The version of the rows and of what commands do: a state of another version is refused.
  std::uint32_t version = 1;
  /// The state in messages to people, after "the": "name space".
  std::string title = "state";
  /// What an operator does about a damaged copy, as an order: the rest of a sentence.
  std::string rebuild_advice = "let the replica in again with an empty disk";
  /// First bytes of keys that are only looked up and never scanned: such rows take less time.
  std::string lookup_only{};
  /// Each new session ends up to two that were idle for longer, in the state's time. 0: sessions
  /// end by `transaction::expire_sessions` alone. A change needs another `version`, because all
  /// replicas must end a session at the same entry.
  std::chrono::microseconds session_expiry = std::chrono::hours{24};
};

/// The logic of a replicated service: what its commands do to the rows of its state, and what its
/// queries answer. Written by the author of a service; `replicated_state` does the rest.
///
/// Deterministic: answers and rows depend on the commands and rows alone, not on a clock, on
/// randomness, on a file or on another thread. Whatever the logic keeps in memory beside the rows
/// (a cache, counters) must be the same after `load` from those rows. An exception from `query` is
/// answered as an error; one from a function that gets a `transaction`, or from `load`, ends the
/// replica; the others must not throw. Exceptions are of `std::exception`: another one ends the
/// process.
class service_logic {
 public:
  service_logic() = default;
  service_logic(const service_logic&) = delete;
  service_logic& operator=(const service_logic&) = delete;
  virtual ~service_logic() = default;

  /// Always the same.
  virtual service_info info() const = 0;

  /// Writes the rows of a new state, before the first entry.
  virtual status initialize(transaction&) { return {}; }

  /// Called in a new state instead of `initialize`, when it has the rows of a backup: changes what
  /// depends on the former group's log. @param log_index of the last entry of the former log that
  /// is in the rows; the new group's log begins with 1
  virtual status on_restored(transaction& state, spi::log_index log_index) {
    static_cast<void>(state);
    static_cast<void>(log_index);
    return {};
  }

  /// Called after `initialize`, after a start, and after a snapshot has replaced all rows: reads
  /// what the logic keeps in memory.
  virtual void load(row_reader&) {}

  /// Carries out a command, perhaps of hostile bytes.
  /// @returns the answer, made by `encode_answer`, of at most `service_answer_bytes_max`. A command
  /// that is answered with an error has changed nothing.
  virtual std::string apply(transaction& state, const service_command& command) = 0;

  /// Called after some commands, before other threads see their effects: writes what the logic kept
  /// in memory since.
  virtual void finish_batch(transaction&) {}

  /// Answers a query, perhaps of hostile bytes, with `encode_answer`. Queries whose first byte is
  /// `framework_types_begin` or above don't come here. Called by several threads at
  /// once, each with a state between two batches; must not use what the logic keeps in memory.
  virtual std::string query(state_view& state, std::string_view query) const = 0;

  /// Hint: does the query read few rows, so that answering it inline from memory is quicker than a
  /// switch of threads? Called by any thread.
  virtual bool is_short_query(std::string_view) const { return false; }

  /// Why no replica should carry out the command: errc::invalid for malformed bytes. Called before
  /// the command is proposed, by one thread, which may be another one than applies. Sees no rows.
  virtual std::optional<error> admission_check(const service_command&) const {
    return std::nullopt;
  }

  /// Reads, with `state.get`, rows that `apply` of the command will look up, so that they are in
  /// memory by then and `apply` doesn't wait for the disk; `state.scan` helps scans, somewhat less.
  /// A hint: no answer depends on what the function reads, returns or throws. By default nothing is
  /// read ahead.
  ///
  /// Called by several threads at once, also during `apply`, for commands that are proposed and
  /// perhaps never applied, with bytes as hostile as those of `apply`. The rows are those of the
  /// database, without the changes of the last second; they may change between two reads. Must not
  /// use what the logic keeps in memory. After `prepared_rows_max` rows all others are missing.
  virtual void prepare(row_reader& state, const service_command& command) const {
    static_cast<void>(state);
    static_cast<void>(command);
  }

  /// Would the command take up space? If not, it is also carried out on a full disk: a command that
  /// frees space, or that is needed to free some. Called like `admission_check`.
  virtual bool takes_space(const service_command&) const { return true; }
};

/// The bound of an answer to a command, which the session keeps. A longer answer is replaced by an
/// error.
inline constexpr std::size_t service_answer_bytes_max = 64u << 10;

/// The bound of the rows that are read ahead for a command.
inline constexpr std::size_t prepared_rows_max = 256;

} // namespace atl
