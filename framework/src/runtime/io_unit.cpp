#include "io_unit.hpp"

#include <atoll/runtime/io_thread_actor.hpp>

#include <boost/asio/post.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <utility>

namespace atl::runtime {

namespace {

/// Actors that run before the sockets get their turn again.
constexpr std::size_t jobs_in_a_turn = 64;
/// Messages that an actor handles before other actors get their turn.
constexpr std::size_t messages_in_a_turn = 100;

} // namespace

io_unit::~io_unit() {
  for (auto* job : jobs_)
    caf::intrusive_ptr_release(job);
}

void io_unit::exec_later(caf::resumable* job) {
  // An actor of this thread wakes others with the unit that runs it.
  if (job->subtype() != caf::resumable::io_actor)
    return system().scheduler().enqueue(job);
  {
    std::lock_guard lock{mutex_};
    jobs_.push_back(job);
    if (std::exchange(is_scheduled_, true))
      return;
  }
  boost::asio::post(thread_.context(), [this] { run_some(); });
}

void io_unit::run_some() {
  for (std::size_t i = 0; i < jobs_in_a_turn; ++i) {
    caf::resumable* job = nullptr;
    {
      std::lock_guard lock{mutex_};
      if (jobs_.empty()) {
        is_scheduled_ = false;
        return;
      }
      job = jobs_.front();
      jobs_.pop_front();
    }
    if (job->resume(this, messages_in_a_turn) == caf::resumable::resume_later) {
      std::lock_guard lock{mutex_};
      jobs_.push_back(job);
    } else {
      caf::intrusive_ptr_release(job);
    }
  }
  boost::asio::post(thread_.context(), [this] { run_some(); });
}

caf::execution_unit& io_unit_of(caf::actor_system& actors) {
  // Each actor system of this program is made by `runtime::system`.
  auto& config = const_cast<caf::actor_system_config&>(actors.config());
  return dynamic_cast<system_config&>(config).unit;
}

} // namespace atl::runtime
