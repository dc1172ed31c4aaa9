#include "client/fragment_gathering.hpp"

#include "client/fragment_reading.hpp"
#include "client/plugin_call.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace dfs {

using boost::asio::awaitable;

fragment_gathering::fragment_gathering(const read_tools& tools, const chunk_record& chunk,
                                       std::span<const fragment_holder> holders,
                                       std::span<char> into,
                                       fragment_dispatch::context_pointer context)
    : tools_{tools}, chunk_{chunk}, context_{std::move(context)},
      decoder_{*tools.by.recovery, chunk, into}, wake_{*context_} {
  for (auto& holder : holders)
    sources_.push_back({holder, progress::untried, tools.dispatch.cost(holder.node), {}, {}});
}

awaitable<void> fragment_gathering::run(read_round& round) {
  std::exception_ptr thrown;
  try {
    for (start_reads(); running_ > 0 && !round.is_done; start_reads()) {
      co_await wait_until(next_overdue());
      mark_overdue();
      take_arrived(round);
      if (round.is_done)
        break;
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await give_up_rest();
  if (thrown)
    std::rethrow_exception(thrown);
  if (round.is_done)
    co_return;
  for (auto& failed : failures_)
    round.add_failure(failed);
  round.add_wrong_combinations(decoder_.wrong_combinations(), chunk_.crc);
}

awaitable<void> fragment_gathering::wait_until(clock::time_point time) {
  wake_.expires_at(time);
  boost::system::error_code ignored;
  co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

// -- which fragments to read --------------------------------------------------------------------

/// Keeps as many reads under way as decoding still needs fragments; overdue reads don't count. If
/// decoding needs more fragments than expected, because one of them is wrong, starts one more read.
void fragment_gathering::start_reads() {
  while (!is_enough() || running_ == 0) {
    auto* next = cheapest();
    if (next == nullptr)
      return;
    start(*next);
  }
}

bool fragment_gathering::is_enough() const {
  std::vector<bool> present(chunk_.nodes.size());
  for (auto& from : sources_)
    present[from.at.fragment] = from.state == progress::running || from.state == progress::arrived;
  return call_plugin("recovery", tools_.by.policy.recovery,
                     [&] { return tools_.by.recovery->enough(present); });
}

/// Among costs of the same magnitude the first fragment, because the first fragments of a scheme
/// hold the data itself and need the least decoding.
fragment_gathering::source* fragment_gathering::cheapest() {
  source* best = nullptr;
  auto rank = [](const source& from) {
    return std::tuple{std::isinf(from.cost), from.cost < 1 ? 0 : std::ilogb(from.cost),
                      from.at.fragment};
  };
  for (auto& from : sources_)
    if (from.state == progress::untried && (best == nullptr || rank(from) < rank(*best)))
      best = &from;
  return best;
}

void fragment_gathering::start(source& from) {
  auto buffer = decoder_.buffer_for(from.at.fragment);
  fragment_read what{chunk_.id, {from.at}, buffer.size(), 0, buffer};
  from.state = progress::running;
  from.silence_max = tools_.dispatch.hedge_delay(buffer.size());
  from.reading = tools_.dispatch.begin(context_, std::move(what), std::isinf(from.cost));
  ++running_;
  auto which = static_cast<std::size_t>(&from - sources_.data());
  boost::asio::co_spawn(*context_, read(which), boost::asio::detached);
}

awaitable<void> fragment_gathering::read(std::size_t which) {
  auto& from = sources_[which];
  auto outcome = co_await tools_.dispatch.finish(from.reading);
  --running_;
  wake_.cancel();
  if (outcome.from.node != no_storage) {
    from.state = progress::arrived;
    arrived_.push_back(which);
    co_return;
  }
  from.state = progress::failed;
  if (outcome.failures.empty())
    outcome.failures.push_back({from.at, outcome.problem});
  failures_.push_back(outcome.failures.back());
}

// -- what has arrived ---------------------------------------------------------------------------

fragment_gathering::clock::time_point fragment_gathering::source::overdue_at() const {
  return reading->heard_at() + silence_max;
}

fragment_gathering::clock::time_point fragment_gathering::next_overdue() const {
  auto next = clock::time_point::max();
  for (auto& from : sources_)
    if (from.state == progress::running)
      next = std::min(next, from.overdue_at());
  return next;
}

void fragment_gathering::mark_overdue() {
  auto now = clock::now();
  for (auto& from : sources_)
    if (from.state == progress::running && now >= from.overdue_at())
      from.state = progress::overdue;
}

void fragment_gathering::take_arrived(read_round& round) {
  for (auto which : std::exchange(arrived_, {})) {
    auto fragment = sources_[which].at.fragment;
    round.is_done =
        call_plugin("recovery", tools_.by.policy.recovery, [&] { return decoder_.add(fragment); });
    if (round.is_done)
      return;
  }
}

awaitable<void> fragment_gathering::give_up_rest() {
  for (auto& from : sources_)
    if (from.state == progress::running || from.state == progress::overdue)
      tools_.dispatch.give_up(from.reading);
  while (running_ > 0)
    co_await wait_until(clock::time_point::max());
}

} // namespace dfs
