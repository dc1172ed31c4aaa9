#pragma once

#include "common/master_protocol.hpp"

#include <atoll/spi/random.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace dfs {

class control;

/// Keeps the chunks of a client's uploads from being collected while the uploads are under way:
/// renews each at the leading master at an interval, also while its source or a storage node
/// pauses. One thread for all uploads, which starts with the first chunk. Thread-safe.
class upload_leases {
 public:
  /// Both return at once, and may be called by any thread.
  struct calls {
    /// The answer doesn't matter: the next renewal makes up for a lost one.
    std::function<void(const protocol::renew_request&)> renew;
    /// @param done to be called, by any thread, when the master has answered or can't
    std::function<void(const protocol::finish_request&, std::function<void()> done)> finish;
  };

  /// @param seed of the uploads' numbers, which must differ from those of other clients
  upload_leases(calls masters, std::uint64_t seed);
  /// Waits a second at most for the answers to `finish`. A master that never learns that an upload
  /// has ended considers it under way for the grace time.
  ~upload_leases();
  upload_leases(const upload_leases&) = delete;
  upload_leases& operator=(const upload_leases&) = delete;

  /// @param grace the time without a renewal after which the masters collect
  /// @returns the upload's number: random, the same for all its chunks
  std::uint64_t begin(std::chrono::microseconds grace);
  /// The masters have named a chunk of the upload.
  void note_chunk(std::uint64_t upload, const chunk_id& chunk);
  /// The upload isn't renewed any more.
  void end(std::uint64_t upload);
  /// Tells the masters that the upload has ended, without waiting.
  void finish(std::uint64_t upload);

 private:
  using clock = std::chrono::steady_clock;
  struct lease {
    std::chrono::microseconds interval{};
    std::uint64_t began_us = 0; ///< when the first chunk was named, since 1970; 0: no chunk yet
    clock::time_point renewal = clock::time_point::max(); ///< the next one
  };

  /// The calls of `finish` that are under way.
  struct unanswered {
    std::mutex mutex;
    std::condition_variable none;
    std::size_t count = 0;
  };

  void run();
  void renew(std::uint64_t upload, const lease& it);

  const calls masters_;
  std::mutex mutex_; ///< guards what follows
  std::condition_variable changed_;
  atl::spi::random_source random_;
  std::unordered_map<std::uint64_t, lease> leases_;
  bool stopping_ = false;
  const std::shared_ptr<unanswered> finishing_; ///< shared with answers that come after the end
  std::thread thread_;
};

/// @param masters must outlive the result
upload_leases::calls lease_calls_to(control& masters);

/// One upload.
class upload_lease {
 public:
  upload_lease(upload_leases& all, std::chrono::microseconds grace)
      : all_{all}, id_{all.begin(grace)} {}
  ~upload_lease() { all_.end(id_); }
  upload_lease(const upload_lease&) = delete;
  upload_lease& operator=(const upload_lease&) = delete;

  std::uint64_t id() const { return id_; }
  void note_chunk(const chunk_id& chunk) { all_.note_chunk(id_, chunk); }

 private:
  upload_leases& all_;
  const std::uint64_t id_;
};

} // namespace dfs
