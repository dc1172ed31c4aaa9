#pragma once

#include "common/backup_protocol.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/saved_state.hpp>
#include <atoll/core/state/state_backup.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace dfs {

/// The blocks of one backup at a time, made of a copy of the name space. A backup gives way to
/// another one when nobody has asked for it for a while. Reads the disk in its calls; for one
/// thread.
class names_backup {
 public:
  using clock = std::chrono::steady_clock;
  struct settings {
    std::string cluster;
    std::string group;
    /// Longer than a client that lives is silent.
    std::chrono::milliseconds abandoned_after{30'000};
  };

  explicit names_backup(settings given);
  names_backup(const names_backup&) = delete;
  names_backup& operator=(const names_backup&) = delete;
  ~names_backup();

  /// Notes that a block is asked for. @returns whether its backup begins now: the caller makes a
  /// copy of the name space, and calls `begin` or `fail`.
  bool request(const protocol::backup_request& what);
  /// Takes over the folder of the copy, and removes it in the end.
  void begin(const std::filesystem::path& copy);
  /// There is no copy.
  void fail(const std::string& why);
  /// The answer to a request.
  protocol::backup_state answer(const protocol::backup_request& what);

 private:
  struct copy;

  atl::result<std::string> next_block();

  const settings settings_;
  std::uint64_t run_ = 0; ///< 0: none
  clock::time_point asked_;
  std::unique_ptr<copy> copy_; ///< none: it is being made, or all was read, or there was a failure
  std::string failure_;
  protocol::backup_state latest_; ///< the block that was made last
  std::uint64_t blocks_ = 0;      ///< that were made
};

} // namespace dfs
