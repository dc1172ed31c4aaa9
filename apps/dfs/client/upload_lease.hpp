#pragma once

#include "client/control.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace dfs {

/// Keeps the chunks of an upload from being collected while it is under way: renews the upload at
/// the leading master at an interval, also while its source or a storage node pauses.
class upload_lease {
 public:
  /// @param grace the time without a renewal after which the masters collect
  upload_lease(control& masters, std::chrono::microseconds grace);
  ~upload_lease();
  upload_lease(const upload_lease&) = delete;
  upload_lease& operator=(const upload_lease&) = delete;

  /// The upload's number: random, the same for all its chunks.
  std::uint64_t id() const { return id_; }
  /// To be called when the masters have named a chunk of the upload.
  void note_chunk(const chunk_id& chunk);

 private:
  void run();

  control& masters_;
  const std::uint64_t id_;
  const std::chrono::microseconds interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t began_us_ = 0; ///< when the first chunk was named, since 1970; 0: no chunk yet
  bool stopping_ = false;
  std::thread thread_; ///< starts with the first chunk
};

} // namespace dfs
