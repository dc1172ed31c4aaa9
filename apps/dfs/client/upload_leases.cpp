#include "client/upload_leases.hpp"

#include "client/control.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

namespace dfs {

namespace {

constexpr std::chrono::seconds patience_at_end{1};

} // namespace

upload_leases::upload_leases(calls masters, std::uint64_t seed)
    : masters_{std::move(masters)}, random_{seed}, finishing_{std::make_shared<unanswered>()} {}

upload_leases::~upload_leases() {
  {
    std::unique_lock lock{finishing_->mutex};
    finishing_->none.wait_for(lock, patience_at_end, [this] { return finishing_->count == 0; });
  }
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

std::uint64_t upload_leases::begin(std::chrono::microseconds grace) {
  std::lock_guard lock{mutex_};
  auto id = random_.next();
  leases_[id].interval = protocol::renewal_interval(grace);
  return id;
}

void upload_leases::note_chunk(std::uint64_t upload, const chunk_id& chunk) {
  std::lock_guard lock{mutex_};
  auto& it = leases_.at(upload);
  auto is_first =
      std::exchange(it.began_us,
                    it.began_us == 0 ? chunk.made_us : std::min(it.began_us, chunk.made_us)) == 0;
  if (!is_first)
    return;
  it.renewal = clock::now() + it.interval;
  if (thread_.joinable()) {
    changed_.notify_all();
    return;
  }
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (const std::system_error&) { // the system starts no thread: each further request for
                                       // places renews the lease as well
  }
}

void upload_leases::end(std::uint64_t upload) {
  std::lock_guard lock{mutex_};
  leases_.erase(upload);
}

void upload_leases::finish(std::uint64_t upload) {
  {
    std::lock_guard lock{finishing_->mutex};
    ++finishing_->count;
  }
  masters_.finish({upload}, [all = finishing_] {
    std::lock_guard lock{all->mutex};
    if (--all->count == 0)
      all->none.notify_all();
  });
}

void upload_leases::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    auto now = clock::now();
    auto next = clock::time_point::max();
    std::vector<std::pair<std::uint64_t, lease>> due;
    for (auto& [upload, it] : leases_) {
      if (it.renewal <= now) {
        due.emplace_back(upload, it);
        it.renewal = now + it.interval;
      }
      next = std::min(next, it.renewal);
    }
    if (!due.empty()) {
      lock.unlock();
      for (auto& [upload, it] : due)
        renew(upload, it);
      lock.lock();
    } else if (next == clock::time_point::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, next);
    }
  }
}

void upload_leases::renew(std::uint64_t upload, const lease& it) {
  try {
    masters_.renew({upload, it.began_us});
  } catch (const std::exception&) { // out of memory: the next renewal makes up for this one as well
  }
}

upload_leases::calls lease_calls_to(control& masters) {
  return {[&masters](const protocol::renew_request& what) {
            masters.call(protocol::kind::renew, protocol::encode(what),
                         [](const atl::result<std::string>&) {});
          },
          [&masters](const protocol::finish_request& what, std::function<void()> done) {
            masters.call(protocol::kind::finish, protocol::encode(what),
                         [done = std::move(done)](const atl::result<std::string>&) { done(); });
          }};
}

} // namespace dfs
