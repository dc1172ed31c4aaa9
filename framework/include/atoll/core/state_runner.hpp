#pragma once

#include <atoll/core/state_machine.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace atl {

/// Runs a state machine off the threads of those who use it: one thread applies, in order, as much
/// at once as waits; a few others answer queries meanwhile. When nothing is under way, the caller
/// applies a few entries itself, and answers a query or two, if what they are about is in
/// memory: to hand them over and back takes longer than they do. Thread-safe; no call waits for a
/// write.
class state_runner {
 public:
  struct query_request {
    spi::request_id id = 0;
    std::string text;
  };

  struct callbacks {
    /// Entries up to `index` are applied; the answers are for those proposed here (id ≠ 0).
    std::function<void(spi::log_index,
                       std::vector<std::pair<spi::request_id, std::string>> answers)>
        applied;
    /// Called by the threads that answer.
    std::function<void(std::vector<std::pair<spi::request_id, std::string>>)> answered;
    std::function<void(spi::log_index)> flushed;
    /// The state can't be written, and nothing is applied after it; or it can't be read, and some
    /// queries stay without an answer. May be called more than once, by any of the threads.
    std::function<void(const error&)> failed;
  };

  state_runner(state_machine& machine, std::size_t readers, callbacks calls);
  state_runner(const state_runner&) = delete;
  state_runner& operator=(const state_runner&) = delete;
  ~state_runner(); ///< Waits for what runs; drops what hasn't begun.

  /// `applied` may be called before it returns.
  void apply(std::vector<spi::committed_entry> entries);
  void flush();
  /// Answered by `answered`, in one or several parts, perhaps before it returns.
  void query(std::vector<query_request> queries);
  /// After what is to be applied already. `done` is called by another thread, once what was saved
  /// has been checked; if it is damaged, `failed` is called as well.
  void save(std::filesystem::path folder, std::function<void(result<spi::log_index>)> done);
  /// After what is to be applied already. `done` is called by the thread that applies.
  void load(std::filesystem::path folder, std::function<void(result<spi::log_index>)> done);

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace atl
