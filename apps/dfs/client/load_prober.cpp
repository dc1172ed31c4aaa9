#include "client/load_prober.hpp"

#include <chrono>
#include <utility>

namespace dfs {

namespace {

constexpr std::size_t waiting_max = 16;

/// A node that takes longer than this to say how busy it is needn't be known better.
constexpr std::chrono::milliseconds probe_timeout{200};

} // namespace

load_prober::load_prober(result_handler on_result)
    : on_result_{std::move(on_result)}, thread_{[this] { run(); }} {}

load_prober::~load_prober() {
  {
    std::lock_guard lock{mutex_};
    stopped_ = true;
    changed_.notify_all();
  }
  loop_.interrupt();
  thread_.join();
}

void load_prober::request(storage_id node, const atl::endpoint& at, const bulk_options& options) {
  std::lock_guard lock{mutex_};
  if (waiting_.size() >= waiting_max)
    return;
  waiting_.push_back({node, at, options});
  waiting_.back().options.timeouts = {probe_timeout, probe_timeout};
  changed_.notify_all();
}

void load_prober::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_)
      return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    send(next);
    lock.lock();
  }
}

void load_prober::send(const probe& it) {
  auto& connection = connections_[it.node];
  if (!connection || connection->node() != it.at)
    connection = std::make_unique<bulk_connection>(it.at, it.options, loop_);
  if (auto load = connection->probe())
    on_result_(it.node, *load);
  else
    connection.reset();
}

} // namespace dfs
