#pragma once

#include "scripted_balancer.hpp"

#include <atoll/core/request_dispatcher.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// A dispatcher whose effects are read as a text.
namespace test {

using namespace std::chrono_literals;
using namespace atl;

/// A dispatcher over workers 1, 2, …, and what it wants done.
struct dispatcher_fixture {
  std::shared_ptr<scripted_balancer> balancer = std::make_shared<scripted_balancer>();
  request_dispatcher dispatcher;
  spi::timestamp now{0};

  explicit dispatcher_fixture(int workers, dispatch_options options = {})
      : dispatcher{balancer, "scripted", options} {
    REQUIRE(set_workers(workers).has_value());
  }
  status set_workers(int count) {
    std::vector<pool_member> list(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < list.size(); ++i)
      list[i].id = i + 1;
    return dispatcher.set_workers(std::move(list), now);
  }
  std::uint64_t submit(bool repeatable = true, spi::timestamp within = 1s,
                       std::uint64_t bytes = 100) {
    return dispatcher.submit({0, now + within, repeatable, bytes, {}}, now);
  }
  std::uint64_t submit_among(std::vector<std::uint64_t> workers) {
    return dispatcher.submit({0, now + 1s, true, 100, std::move(workers)}, now);
  }
  void fail(std::uint64_t attempt, attempt_failure how = attempt_failure::failed) {
    dispatcher.on_failure(attempt, how, {errc::unavailable, "it broke"}, now);
  }
  void pass(spi::timestamp time) { dispatcher.advance(now += time); }

  /// `send 1 to 2`, `cancel 1`, `answer to 1 by 1`, `busy for 1`, one after the other; numbers of
  /// requests and attempts both count from 1.
  std::string effects() {
    std::vector<dispatch_effect> drained;
    dispatcher.drain(drained);
    std::string text;
    for (auto& each : drained) {
      text += text.empty() ? "" : "; ";
      if (auto* sent = std::get_if<send_attempt>(&each))
        text += "send " + std::to_string(sent->request) + " to " + std::to_string(sent->worker);
      else if (auto* cancelled = std::get_if<cancel_attempt>(&each))
        text += "cancel " + std::to_string(cancelled->attempt);
      else
        text += completion(std::get<complete_request>(each));
    }
    return text;
  }
  std::string last_message;

 private:
  std::string completion(const complete_request& done) {
    auto request = std::to_string(done.request);
    if (!done.problem)
      return "answer to " + request + " by " + std::to_string(done.attempt);
    last_message = done.problem->message;
    return std::string{to_string(done.problem->code)} + " for " + request +
           (done.in_doubt ? " in doubt" : "");
  }
};

inline dispatch_options narrow(std::size_t queue,
                               overflow_policy overflow = overflow_policy::reject) {
  dispatch_options options;
  options.worker_requests_max = 1;
  options.queue.requests_max = queue;
  options.queue.overflow = overflow;
  return options;
}

/// Hedges after 20 ms, and has saved up what they may cost.
inline atl::dispatch_options hedged() {
  atl::dispatch_options options;
  options.hedge_after = std::chrono::milliseconds{20};
  options.budget.per_second = options.budget.burst;
  return options;
}

} // namespace test
