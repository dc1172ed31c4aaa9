#include "client/upload_lease.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <system_error>

namespace dfs {

namespace {

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

} // namespace

upload_lease::upload_lease(control& masters, std::chrono::microseconds grace)
    : masters_{masters}, id_{random_number()}, interval_{protocol::renewal_interval(grace)} {}

upload_lease::~upload_lease() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void upload_lease::note_chunk(const chunk_id& chunk) {
  std::lock_guard lock{mutex_};
  began_us_ = began_us_ == 0 ? chunk.made_us : std::min(began_us_, chunk.made_us);
  if (thread_.joinable())
    return;
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (const std::system_error&) { // the system starts no thread: each further chunk renews the
                                       // lease as well
  }
}

void upload_lease::run() {
  std::unique_lock lock{mutex_};
  while (!changed_.wait_for(lock, interval_, [this] { return stopping_; })) {
    protocol::renew_request sign{id_, began_us_};
    lock.unlock();
    try {
      // The answer is not awaited: the next renewal makes up for a lost one.
      masters_.call(protocol::kind::renew, protocol::encode(sign),
                    [](const atl::result<std::string>&) {});
    } catch (
        const std::exception&) { // out of memory: the next renewal makes up for this one as well
    }
    lock.lock();
  }
}

} // namespace dfs
