#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// A deterministic state machine that a replicated log drives: the same entries in the same order
/// give the same state and the same answers on each replica. The state depends on the entries
/// alone, not on a clock, a file or another process. An exception from a function that the applying
/// thread calls counts as an error of `apply`; the other functions must not throw.
class state_machine {
 public:
  state_machine() = default;
  state_machine(const state_machine&) = delete;
  state_machine& operator=(const state_machine&) = delete;
  virtual ~state_machine() = default;

  /// The index of the last applied entry, stored atomically with its effect.
  virtual spi::log_index applied() const = 0;

  /// Applies entries in order and returns the answer to each, which goes to the client that
  /// proposed it (empty for a no-op). @pre all indexes are above `applied()`. Called by one thread
  /// at a time. May read from the disk, but should leave large writes to `flush`.
  /// @returns an error only if the state can't be written; the node stops then.
  virtual result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) = 0;

  /// Answers a query from the present state. Called by several threads at once, also during
  /// `apply`; each call sees the state between two entries.
  /// @returns an error only if this replica's copy of the state can't be read, for example because
  /// it is damaged. The replica stops serving then, and others answer.
  virtual result<std::string> query(std::string_view query) const = 0;

  /// Answers a query that takes less time than a switch to another thread and back: a short answer,
  /// from data in memory. None: the caller uses `query`. Called like `query`.
  virtual std::optional<std::string> try_query_in_memory(std::string_view) const {
    return std::nullopt;
  }

  /// Hint: may entries be applied inline by the caller? False when recent entries had to read from
  /// disk. Called by the thread that applies.
  virtual bool can_apply_inline() const { return true; }

  /// Hint: did commands wait for the disk lately, so that `prepare` is worth the time of a thread?
  /// Called by any thread.
  virtual bool wants_prepare() const { return false; }

  /// Reads what `apply` of the command will need, so that it is in memory by then. The command was
  /// proposed, and may never be applied. A hint that changes no answer; must not make `apply` wait.
  /// Called by several threads at once, also during all other functions.
  virtual void prepare(std::string_view command) const { static_cast<void>(command); }

  /// Why this replica could not carry out the command: errc::no_space if its disk is full,
  /// errc::invalid for a malformed command; none if it could. Must not wait for a disk. Called by
  /// one thread, also during `apply`.
  virtual std::optional<error> admission_check(std::string_view command) const = 0;

  /// Why nothing more should be written to this replica's disk; none while its reserve is
  /// untouched. The reserve must hold the commands that are under way. Called by the thread of
  /// `admission_check`.
  virtual std::optional<std::string> shortage() const { return std::nullopt; }

  /// Would the command take up space? False for a command that frees space or is needed to free
  /// space: such commands are also carried out on a full disk. Called by the thread of
  /// `admission_check`.
  virtual bool takes_space(std::string_view) const { return true; }

  /// Writes the proposing replica's time into a command, in place of the client's: a client's clock
  /// must not influence the state. Called before the command is proposed.
  virtual void stamp(std::string& command, std::chrono::microseconds since_1970) const {
    static_cast<void>(command);
    static_cast<void>(since_1970);
  }

  /// The latest time in the state, since 1970; 0 for a state without times. Called by any thread.
  virtual std::chrono::microseconds latest_stamp() const { return {}; }

  /// Makes the effects of all applied entries durable. Called by the thread that applies. @returns
  /// the index of the last durable entry.
  virtual result<spi::log_index> flush() = 0;

  /// Begins a flush whose writing runs beside `apply`. Called by the thread that applies. Until
  /// `end_flush` it calls no `begin_flush`, `flush`, `save` or `load`. @returns the writing, which
  /// another thread calls once; none: there is only `flush`, which holds up the applying thread.
  virtual std::function<status()> begin_flush() { return nullptr; }

  /// Ends a flush whose writing has ended. Called by the thread that applies.
  /// @param written what the writing returned
  /// @returns as `flush`
  virtual result<spi::log_index> end_flush(const status& written) {
    return written ? result<spi::log_index>{applied()} : tl::unexpected{written.error()};
  }

  /// Is so much of the state in memory only that `flush` is due? Called after each `apply`.
  virtual bool flush_due() const { return false; }

  /// Creates `folder` and writes the present state into it, as plain files without subfolders.
  /// Called by the thread that applies. @returns the index of the last entry in the copy.
  virtual result<spi::log_index> save(const std::filesystem::path& folder) = 0;

  /// Checks that everything that `save` wrote into `folder` is readable, so that no damaged state
  /// reaches other replicas. Called by a separate thread, also during `apply` and `query`.
  /// @returns errc::corrupt if the saved state is damaged; the replica stops serving then.
  virtual status check_saved(const std::filesystem::path& folder) const {
    static_cast<void>(folder);
    return {};
  }

  /// Replaces the state by the one that `save` wrote on another replica; moves the files out of
  /// `folder`. Durable when it returns; after a crash the state is either the old or the new one.
  /// Called by the thread that applies, while other threads may call `query`.
  /// @returns the index of the new state; an error if the files are no valid state, and the old
  /// state stays then.
  virtual result<spi::log_index> load(const std::filesystem::path& folder) = 0;
};

} // namespace atl
