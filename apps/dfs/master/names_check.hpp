#pragma once

#include "common/check_protocol.hpp"
#include "namespace/audit.hpp"

#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace dfs {

/// Checks copies of a master's name space on request, one at a time, in a thread of its own. A
/// check ends when nobody has asked for it for a while. For one thread, an actor's: no function
/// waits for a check, except the destructor and `begin`, which wait for a moment.
class names_check {
 public:
  using clock = std::chrono::steady_clock;
  /// Audits the copy in a folder: `audit_copy`.
  using audit_function =
      std::function<atl::result<audit_report>(const std::filesystem::path&, const audit_options&)>;
  struct settings {
    std::string master; ///< the name, for the answers
    audit_function audit = audit_copy;
    /// Longer than a client that lives is silent.
    std::chrono::milliseconds abandoned_after{30'000};
  };

  explicit names_check(settings given);
  names_check(const names_check&) = delete;
  names_check& operator=(const names_check&) = delete;
  ~names_check();

  /// Notes that a run is asked for. @returns whether its check begins now: the caller makes a copy
  /// of the name space, and calls `begin` or `fail`.
  bool request(std::uint64_t run);
  /// Reads the copy, and removes it in the end. @param index of its last log entry
  void begin(const std::filesystem::path& copy, atl::spi::log_index index);
  /// There is no copy.
  void fail(const std::string& why);
  /// Ends the check that is under way soon. The destructor waits for that.
  void stop();

  protocol::check_state state(std::uint64_t run);

 private:
  bool is_occupied() const;
  void run(const std::filesystem::path& copy);
  bool note_progress(std::uint64_t read, std::uint64_t total);
  void note_outcome(atl::result<audit_report> outcome);
  void wait_for_thread();

  const settings settings_;
  std::mutex mutex_; ///< guards what follows, up to the thread
  std::uint64_t run_ = 0;
  clock::time_point asked_;
  bool is_stopping_ = false;
  bool was_told_ = false; ///< the outcome was
  protocol::check_state state_;
  std::thread thread_;
};

} // namespace dfs
