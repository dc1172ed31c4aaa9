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

/// Stores the durable records of a replica's consensus protocol (`spi::stable_state`) in RocksDB,
/// each with its own checksum.
///
/// A separate thread writes: all batches that wait are written and synced together, with one
/// `fdatasync` (group commit). A failed write or sync is never retried (Rebello et al., *Can
/// Applications Recover from fsync Failures?*, ATC '20): the log reports the failure once and
/// accepts no more batches.
class record_log {
 public:
  struct callbacks {
    /// Everything up to this token is on stable storage. Called by the log's thread.
    std::function<void(spi::persist_token)> durable;
    /// A write or sync failed, and nothing more becomes durable. Called by the log's thread, at
    /// most once.
    std::function<void(const error&)> failed;
  };

  struct counters {
    std::uint64_t syncs = 0;   ///< `fdatasync`s
    std::uint64_t batches = 0; ///< `persist` effects made durable
    std::uint64_t bytes = 0;   ///< of records
    std::uint64_t sync_us = 0; ///< total microseconds spent in syncs
  };

  /// Opens the log in `folder`, creating it if it doesn't exist, and begins the next incarnation.
  /// @param wall_clock microseconds since 1970. The incarnation's number is the last one plus one,
  /// but at least `wall_clock`, so that it also grows when the last log was lost with its disk.
  /// @returns errc::corrupt when it is damaged other than by a torn last write.
  static result<std::unique_ptr<record_log>> open(const std::filesystem::path& folder,
                                                  std::uint64_t wall_clock);

  record_log(const record_log&) = delete;
  record_log& operator=(const record_log&) = delete;
  ~record_log(); ///< Waits for the write that is under way; drops batches that wait.

  /// The replica and the group that the records belong to.
  struct binding {
    group_birth birth;
    spi::replica_id self = 0;
  };
  /// @returns none for a log that was never bound; its replica has made no promises.
  result<std::optional<binding>> read_binding() const;
  /// Binds a log that was never bound. Durable when it returns.
  status bind(const binding& to);

  /// All durable records. Records with a wrong checksum are reported as corrupt, not left out.
  result<spi::stable_state> load() const;

  /// The replica's incarnation: a number above that of any earlier incarnation.
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
