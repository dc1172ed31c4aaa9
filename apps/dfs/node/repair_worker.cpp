#include "node/repair_worker.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <future>
#include <utility>

namespace dfs {

using boost::asio::awaitable;

repair_worker::repair_worker(settings given)
    : settings_{std::move(given)}, disk_{settings_.at_once} {}

repair_worker::~repair_worker() {
  std::promise<void> stopping; // from then on no task begins
  boost::asio::post(io_.context(), [this, &stopping] {
    is_stopping_ = true;
    waiting_.clear();
    for (auto& each : running_)
      each.run->interrupt();
    stopping.set_value();
  });
  stopping.get_future().wait();
  carrying_.wait();
  io_.stop();
  disk_.stop();
}

void repair_worker::run(std::uint64_t term, protocol::repair_task task, completion done) {
  ++under_way_;
  auto added = std::make_shared<job>(job{term, std::move(task), std::move(done)});
  boost::asio::post(io_.context(), [this, added] { add(std::move(*added)); });
}

void repair_worker::drop_before(std::uint64_t term) {
  boost::asio::post(io_.context(), [this, term] {
    under_way_ -= std::erase_if(waiting_, [&](auto& each) { return each.term < term; });
  });
}

void repair_worker::add(job added) {
  auto is_same = [&](auto& each) {
    return each.term == added.term && each.task.id == added.task.id;
  };
  if (is_stopping_ || std::ranges::any_of(waiting_, is_same) ||
      std::ranges::any_of(running_, is_same)) {
    --under_way_;
    return;
  }
  if (waiting_.size() >= settings_.waiting_max) {
    --under_way_;
    protocol::task_result refused;
    refused.id = added.task.id;
    refused.term = added.term;
    refused.outcome = protocol::task_outcome::refused;
    refused.why = fmt::format("{} tasks wait, the most that may", waiting_.size());
    added.done(std::move(refused));
    return;
  }
  waiting_.push_back(std::move(added));
  start_next();
}

void repair_worker::start_next() {
  while (running_.size() < settings_.at_once && !waiting_.empty()) {
    auto place = running_.insert(running_.end(), std::move(waiting_.front()));
    waiting_.pop_front();
    place->run = std::make_unique<repair_run>(io_.shared_context(),
                                              repair_tools{*settings_.store, settings_.find_scheme,
                                                           disk_, counters_, settings_.transfers},
                                              settings_.reading(), place->task);
    carrying_.start(io_.context(), carry_out(place));
  }
}

awaitable<void> repair_worker::carry_out(std::list<job>::iterator place) {
  protocol::task_result result;
  try {
    result = co_await place->run->run();
  } catch (const std::exception& problem) { // for example of a plugin, or out of memory
    result = {};
    result.outcome = protocol::task_outcome::failed;
    result.why = problem.what();
  }
  result.id = place->task.id;
  result.term = place->term;
  auto done = std::move(place->done);
  running_.erase(place);
  --under_way_;
  if (is_stopping_)
    co_return;
  done(std::move(result));
  start_next();
}

} // namespace dfs
