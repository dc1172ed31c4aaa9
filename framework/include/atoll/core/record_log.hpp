#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_birth.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace atl {

/// Where a replica's protocol keeps what it promised: the durable records of `spi::stable_state`,
/// on RocksDB, each with a checksum of its own.
///
/// A thread of its own writes: all batches that wait are written and synced together, with one
/// `fdatasync` (group commit). A failed write or sync is never tried again (Rebello et al., *Can
/// Applications Recover from fsync Failures?*, ATC '20): the log reports it once and takes nothing
/// more.
class record_log {
 public:
  struct callbacks {
    /// Everything up to this token is on stable storage. Called by the log's thread.
    std::function<void(spi::persist_token)> durable;
    /// Nothing more becomes durable. Called by the log's thread, at most once.
    std::function<void(const error&)> failed;
  };

  struct counters {
    std::uint64_t syncs = 0;   ///< `fdatasync`s
    std::uint64_t batches = 0; ///< `persist` effects made durable
    std::uint64_t bytes = 0;   ///< of records
    std::uint64_t sync_us = 0; ///< microseconds spent in them, all together
  };

  /// Opens the log in `folder`, making it when it isn't there, and begins one more incarnation of
  /// it.
  /// @param wall_clock microseconds since 1970. The incarnation's number is the one before plus
  /// one, but not below this: so it grows even when the log before was lost with its disk.
  /// @returns errc::corrupt when it is damaged other than by a torn last write.
  static result<std::unique_ptr<record_log>> open(const std::filesystem::path& folder,
                                                  std::uint64_t wall_clock);

  record_log(const record_log&) = delete;
  record_log& operator=(const record_log&) = delete;
  ~record_log(); ///< Waits for what is being written; drops what still waits.

  /// Whose records these are: one replica's of one group.
  struct binding {
    group_birth birth;
    spi::replica_id self = 0;
  };
  /// @returns none for a log that was never bound: its replica has promised nothing.
  result<std::optional<binding>> read_binding() const;
  /// Binds a log that was never bound. Durable when it returns.
  status bind(const binding& to);

  /// All that is durable. Records whose checksum is wrong are reported as corrupt, not left out.
  result<spi::stable_state> load() const;

  /// The number of this life, higher than that of any before: the replica's incarnation.
  std::uint64_t incarnation() const;

  /// Starts the writing thread. Once, before the first `submit`.
  void start(callbacks calls);

  /// Hands over a batch; tokens must grow. Thread-safe, doesn't wait for the disk.
  void submit(spi::persist batch);

  counters count() const;

 private:
  struct implementation;
  explicit record_log(std::unique_ptr<implementation> impl);

  std::unique_ptr<implementation> impl_;
};

} // namespace atl
