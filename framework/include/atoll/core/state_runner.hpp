#pragma once

#include <atoll/core/state_machine.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl {

/// Runs a state machine on threads of its own: one thread applies entries in order, as many as wait
/// at once, and a few others answer queries at the same time. When nothing is under way, the caller
/// applies a few entries inline, and answers a few queries whose data is in memory, because a
/// switch of threads would take longer. Thread-safe; no call waits for a write.
class state_runner {
 public:
  struct query_request {
    spi::request_id id = 0;
    std::string text;
  };

  struct callbacks {
    /// All entries up to the index are applied. The answers are for entries with a request id other
    /// than 0: those that this replica proposed.
    std::function<void(spi::log_index,
                       std::vector<std::pair<spi::request_id, std::string>> answers)>
        applied;
    /// Called by the threads that answer queries, or inline by `query`.
    std::function<void(std::vector<std::pair<spi::request_id, std::string>>)> answered;
    std::function<void(spi::log_index)> flushed;
    /// The state can't be written, and no further entry is applied; or the state can't be read, and
    /// some queries get no answer. May be called more than once, by any of the threads.
    std::function<void(const error&)> failed;
  };

  state_runner(state_machine& machine, std::size_t readers, callbacks calls);
  state_runner(const state_runner&) = delete;
  state_runner& operator=(const state_runner&) = delete;
  ~state_runner(); ///< Waits for tasks that run; drops tasks that have not begun.

  /// A command was proposed, and is perhaps applied soon: what it needs may be read ahead, by other
  /// threads. Commands that aren't prepared in time, or are too many, are applied all the same.
  void prepare(std::string_view command);

  /// `applied` may be called before this function returns. Entries that have to wait, and weren't
  /// proposed here, are prepared.
  void apply(std::vector<spi::committed_entry> entries);
  void flush();
  /// Calls `answered` once or several times, perhaps before this function returns.
  void query(std::vector<query_request> queries);
  /// Saves the state after the entries that already wait. `done` is called by another thread once
  /// the copy was checked; if the copy is damaged, `failed` is called as well.
  void save(std::filesystem::path folder, std::function<void(result<spi::log_index>)> done);
  /// Like `save`, but the copy isn't checked: for a caller that reads all of it. `done` is called
  /// by the thread that applies.
  void copy(std::filesystem::path folder, std::function<void(result<spi::log_index>)> done);
  /// Loads a state after the entries that already wait. `done` is called by the thread that
  /// applies.
  void load(std::filesystem::path folder, std::function<void(result<spi::log_index>)> done);

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace atl
