#pragma once

#include "common/scrub_protocol.hpp"
#include "node/scrub_service.hpp"
#include "storage/fragment_store.hpp"
#include "storage/scrubber.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace dfs {

/// Reads a storage node's fragments again, in a thread of its own, when its scrubber says so. What
/// is damaged is moved aside, and so told to the masters as any damage. Thread-safe.
class scrub_host final : public scrub_service {
 public:
  struct settings {
    std::shared_ptr<fragment_store> store;
    std::string file; ///< keeps the position over restarts
    scrubber::limits limits;
    /// Clients' requests that the node is working on. Called by the thread.
    std::function<std::uint32_t()> in_flight;
    /// May the store be read? Otherwise the pass under way waits. Null: always.
    std::function<bool()> is_in_use{};
  };

  /// @throws std::system_error if the system starts no thread
  explicit scrub_host(settings given);
  /// Ends soon, in the middle of a fragment if need be, and keeps the position.
  ~scrub_host() override;

  protocol::scrub_state order(const protocol::scrub_request& request) override;
  protocol::scrub_status status() const override;
  bool is_in_use() const { return !settings_.is_in_use || settings_.is_in_use(); }

 private:
  void run();
  void scrub_next(std::unique_lock<std::mutex>& lock);
  void end_pass();
  bool pause_after_read(std::uint64_t pass, std::uint64_t bytes);
  void save(std::unique_lock<std::mutex>& lock);
  void begin(scrub_pace pace, std::uint64_t run);

  const settings settings_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  scrubber scrubber_;
  std::uint64_t pass_ = 0;                ///< passes begun since the start
  std::deque<std::uint64_t> former_runs_; ///< of clients, that another pass has taken the place of
  bool is_stopping_ = false;
  bool must_save_ = false;
  bool save_failed_ = false; ///< and was logged
  std::chrono::steady_clock::time_point saved_at_{};
  std::thread thread_;
};

} // namespace dfs
