#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// What a replicated log drives: the same entries in the same order give the same state on each
/// replica. Everything it depends on is in the entries; it reads no clock and no other state.
class state_machine {
 public:
  state_machine() = default;
  state_machine(const state_machine&) = delete;
  state_machine& operator=(const state_machine&) = delete;
  virtual ~state_machine() = default;

  /// The last entry whose effect is in the state, as stored with that effect.
  virtual spi::log_index applied() const = 0;

  /// Applies entries in order and gives the answer to each, for whoever proposed it (empty for a
  /// no-op). An entry at or below `applied()` must not come. Called by one thread at a time. It may
  /// read rows from the disk, but leaves writing much to `flush`.
  /// @returns an error only when the state can't be written: the node stops then.
  virtual result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) = 0;

  /// Answers a query from the present state. Called by several threads, also during `apply`;
  /// each call sees the state between two entries.
  /// @returns an error only when this replica's copy of the state can't be read any more (it is
  /// damaged, say): the replica stops serving then, and others answer.
  virtual result<std::string> query(std::string_view query) const = 0;

  /// The answer, if finding it takes less time than to hand the query to another thread and
  /// back: if it is short, and what it is about in memory. None: `query` has it.
  virtual std::optional<std::string> try_query_in_memory(std::string_view) const {
    return std::nullopt;
  }

  /// Does it take less time to apply a few entries than to hand them to another thread and back? As
  /// far as the last ones tell: perhaps they needed the disk. Called by the thread that applies.
  virtual bool can_apply_inline() const { return true; }

  /// Why this replica couldn't carry out the command: errc::no_space where its disk is full,
  /// errc::invalid for a malformed command; none when it could. Doesn't wait for a disk. Called by
  /// one thread, also during `apply`.
  virtual std::optional<error> admission_check(std::string_view command) const = 0;

  /// Why nothing more should be put on this replica's disk; none while its reserve is untouched.
  /// The reserve has to hold what is on its way already. Called by the thread of `admission_check`.
  virtual std::optional<std::string> shortage() const { return std::nullopt; }

  /// Would the command take up space? False for one that frees some or is needed to do so: it must
  /// be carried out on a full disk as well. Called by the thread of `admission_check`.
  virtual bool takes_space(std::string_view) const { return true; }

  /// Writes the proposing replica's time into a command, over whatever its client wrote there. No
  /// client's clock may reach the state. Called before the command is proposed.
  virtual void stamp(std::string& command, std::chrono::microseconds since_1970) const {
    static_cast<void>(command);
    static_cast<void>(since_1970);
  }

  /// The latest stamp that is in the state; 0 for a state that keeps no time. Called by any thread.
  virtual std::chrono::microseconds latest_stamp() const { return {}; }

  /// Makes everything applied so far durable. @returns the index up to which it is.
  virtual result<spi::log_index> flush() = 0;

  /// Is so much in memory alone that `flush` is due now? Asked after each `apply`.
  virtual bool flush_due() const { return false; }

  /// Writes the present state into `folder`, which it makes, as plain files directly in it. Called
  /// by the thread that applies. @returns the index that the copy stands for.
  virtual result<spi::log_index> save(const std::filesystem::path& folder) = 0;

  /// Is everything that `save` wrote into `folder` readable? What is damaged must not reach other
  /// replicas. Called by a thread of its own, also during `apply` and `query`.
  /// @returns errc::corrupt when the state that was saved is damaged: the replica stops serving.
  virtual status check_saved(const std::filesystem::path& folder) const {
    static_cast<void>(folder);
    return {};
  }

  /// Replaces the state by what `save` wrote on another replica; takes the files out of `folder`.
  /// Durable when it returns; after a crash in between the state is the one before or the one
  /// after. Called by the thread that applies, while others may ask.
  /// @returns the new index; an error when the files make no state, and then the old one stays.
  virtual result<spi::log_index> load(const std::filesystem::path& folder) = 0;
};

} // namespace atl
