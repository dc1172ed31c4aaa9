#include "client/fragment_reads.hpp"

#include "client/fragment_reading.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace dfs {

using boost::asio::awaitable;

fragment_reads::fragment_reads(const read_tools& tools, const chunk_id& chunk,
                               fragment_dispatch::context_pointer context)
    : tools_{tools}, chunk_{chunk}, context_{std::move(context)}, wake_{*context_} {}

std::size_t fragment_reads::start(const fragment_holder& at, std::uint64_t fragment_bytes,
                                  std::uint64_t offset, std::span<char> into, bool even_if_down) {
  fragment_read what{chunk_, {at}, fragment_bytes, offset, into};
  reads_.push_back({at, progress::running, tools_.dispatch.hedge_delay(into.size()),
                    tools_.dispatch.begin(context_, std::move(what), even_if_down)});
  ++running_;
  auto which = reads_.size() - 1;
  boost::asio::co_spawn(*context_, finish(which), boost::asio::detached);
  return which;
}

awaitable<void> fragment_reads::finish(std::size_t which) {
  auto& read = reads_[which];
  auto outcome = co_await tools_.dispatch.finish(read.reading);
  --running_;
  wake_.cancel();
  if (outcome.from.node != no_storage) {
    read.state = progress::arrived;
    arrived_.push_back(which);
    co_return;
  }
  read.state = progress::failed;
  if (outcome.failures.empty())
    outcome.failures.push_back({read.at, outcome.problem});
  failures_.push_back(outcome.failures.back());
}

fragment_reads::clock::time_point fragment_reads::one_read::overdue_at() const {
  return reading->heard_at() + silence_max;
}

awaitable<void> fragment_reads::wait() {
  auto next = clock::time_point::max();
  for (auto& read : reads_)
    if (read.state == progress::running)
      next = std::min(next, read.overdue_at());
  co_await wait_until(next);
  auto now = clock::now();
  for (auto& read : reads_)
    if (read.state == progress::running && now >= read.overdue_at())
      read.state = progress::overdue;
}

awaitable<void> fragment_reads::wait_until(clock::time_point time) {
  wake_.expires_at(time);
  boost::system::error_code ignored;
  co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

std::vector<std::size_t> fragment_reads::take_arrived() {
  return std::exchange(arrived_, {});
}

awaitable<void> fragment_reads::give_up_rest() {
  for (auto& read : reads_)
    if (read.state <= progress::overdue)
      tools_.dispatch.give_up(read.reading);
  while (running_ > 0)
    co_await wait_until(clock::time_point::max());
}

} // namespace dfs
