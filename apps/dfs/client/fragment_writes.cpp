#include "client/fragment_writes.hpp"

#include <atoll/core/crc32c.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace dfs {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

namespace {

constexpr double straggler_quantile = 0.95;
constexpr int straggler_factor = 4;

/// Is the target a suspect? When a node in the pipeline is unreachable, all nodes downstream of it
/// fail as well: of a trailing run of failures only the first node is a suspect.
std::vector<bool> find_suspects(const std::vector<target_result>& results) {
  auto reached = results.size();
  while (reached > 0 && !results[reached - 1].outcome)
    --reached;
  std::vector<bool> suspects(results.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    suspects[i] = !results[i].outcome && i <= reached;
  return suspects;
}

} // namespace

void write_latencies::add(std::chrono::microseconds latency) {
  std::lock_guard lock{mutex_};
  latencies_.add(latency);
}

std::chrono::microseconds write_latencies::straggler_time(std::chrono::microseconds at_least) {
  std::lock_guard lock{mutex_};
  return std::max<std::chrono::microseconds>(at_least, straggler_factor *
                                                           latencies_.quantile(straggler_quantile));
}

fragment_writes::fragment_writes(const tools& with,
                                 std::shared_ptr<boost::asio::io_context> context,
                                 const chunk_id& chunk, durability how)
    : with_{with}, context_{std::move(context)}, chunk_{chunk}, how_{how}, wake_{*context_} {}

awaitable<failed_writes> fragment_writes::write_copies(std::vector<fragment_write> targets,
                                                       std::string_view bytes) {
  auto to = pipeline_to(std::move(targets), bytes);
  co_await write_patiently(to);
  co_return std::move(to.problems);
}

awaitable<failed_writes>
fragment_writes::write_fragments(std::vector<fragment_write> targets,
                                 std::span<const std::string_view> fragments, std::size_t enough) {
  std::vector<pipeline> all;
  for (std::size_t i = 0; i < targets.size(); ++i)
    all.push_back(pipeline_to({std::move(targets[i])}, fragments[i]));
  auto running = all.size();
  std::size_t stored = 0;
  for (auto& each : all)
    boost::asio::co_spawn(*context_, write_beside(each, running, stored), boost::asio::detached);
  while (running > 0 && stored < enough)
    co_await wait_for(std::chrono::microseconds::max());
  auto give_up_at = clock::now() + with_.latencies.straggler_time(with_.policy.hedge_after);
  while (running > 0 && clock::now() < give_up_at)
    co_await wait_for(std::chrono::ceil<std::chrono::microseconds>(give_up_at - clock::now()));
  give_up(all);
  while (running > 0)
    co_await wait_for(std::chrono::microseconds::max());
  failed_writes problems;
  for (auto& each : all)
    problems.merge(each.problems);
  co_return problems;
}

awaitable<void> fragment_writes::write_beside(pipeline& to, std::size_t& running,
                                              std::size_t& stored) {
  auto began = clock::now();
  co_await write_patiently(to);
  to.has_ended = true;
  --running;
  if (to.problems.empty()) {
    ++stored;
    with_.latencies.add(
        std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - began));
  }
  wake_.cancel();
}

void fragment_writes::give_up(std::span<pipeline> all) {
  for (auto& each : all) {
    each.is_given_up = !each.has_ended;
    if (each.is_given_up && each.over != nullptr)
      each.over->cancel();
    if (each.is_given_up && each.pause != nullptr)
      each.pause->cancel();
  }
}

/// Until `wake_` is cancelled, at most for so long.
awaitable<void> fragment_writes::wait_for(std::chrono::microseconds length) {
  if (length == std::chrono::microseconds::max())
    wake_.expires_at(boost::asio::steady_timer::time_point::max());
  else
    wake_.expires_after(length);
  boost::system::error_code ignored;
  co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

fragment_writes::pipeline fragment_writes::pipeline_to(std::vector<fragment_write> targets,
                                                       std::string_view bytes) const {
  return {std::move(targets), bytes, how_ == durability::verified ? atl::crc32c(bytes) : 0};
}

/// Is a failure worth another send to the same node?
bool fragment_writes::may_resend(const atl::error& why) const {
  if (why.code == atl::errc::corrupt)
    return how_ == durability::verified || with_.policy.sends > 1;
  return with_.policy.sends > 1 &&
         (why.code == atl::errc::unavailable || why.code == atl::errc::timeout);
}

/// Asks the same nodes again while some are busy, or while failed nodes have sends left: fragments
/// that are stored under this chunk id stay stored, and are acknowledged again.
awaitable<void> fragment_writes::write_patiently(pipeline& to) {
  constexpr std::uint32_t sends_verified = 2; // at least
  auto policy = with_.policy;
  if (how_ == durability::verified)
    policy.sends = std::max(policy.sends, sends_verified);
  busy_wait waiting{policy};
  boost::asio::steady_timer timer{*context_};
  for (bool was_busy = false;;) {
    auto left = co_await write_once(to, was_busy);
    if (to.is_given_up)
      co_return;
    was_busy = !left.busy.empty();
    std::optional<std::chrono::microseconds> length;
    if (!left.failed.empty())
      length = waiting.next_resend(with_.progress.last());
    if (!length) {
      left.failed.clear(); // the policy allows these nodes no further send
      if (was_busy)
        length = waiting.next_pause(with_.progress.last());
    }
    if (!length)
      co_return;
    timer.expires_after(*length);
    to.pause = &timer;
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    to.pause = nullptr;
    if (to.is_given_up)
      co_return;
    // The first of them comes last, so that it doesn't delay the others.
    auto again = std::move(left.busy);
    again.insert(again.end(), left.failed.begin(), left.failed.end());
    for (auto& each : again)
      to.problems.erase(each.node);
    std::rotate(again.begin(), again.begin() + 1, again.end());
    to.targets = std::move(again);
  }
}

/// Has the node stored the bytes, and has its disk given them back if it must?
atl::status fragment_writes::check_result(const pipeline& to, const target_result& result) const {
  if (!result.outcome || how_ != durability::verified || result.crc_on_disk == to.crc)
    return result.outcome;
  return atl::fail(atl::errc::corrupt,
                   result.node + (result.crc_on_disk ? " has other bytes on its disk than were sent"
                                                     : " didn't say what it has on its disk"));
}

/// The targets that are left are among the problems as well.
awaitable<fragment_writes::unwritten> fragment_writes::write_once(pipeline& to, bool await_go) {
  std::vector<write_target> wire_targets;
  for (auto& each : to.targets)
    wire_targets.push_back(each.target);
  auto over = with_.connections.take(context_, wire_targets.front().at, with_.timeouts);
  to.over = over.get();
  auto results = co_await over->write_chunk(wire_targets, chunk_, to.bytes, how_, await_go);
  to.over = nullptr;
  with_.connections.give_back(std::move(over));
  unwritten left;
  auto add = [&](const fragment_write& at, const atl::error& why, bool suspect) {
    if (why.code == atl::errc::busy)
      left.busy.push_back(at);
    else if (may_resend(why))
      left.failed.push_back(at);
    to.problems[at.node] = {why, suspect && why.code != atl::errc::busy};
  };
  if (!results) {
    // The outcome of all but the first node is unknown.
    auto why = to.is_given_up
                   ? atl::error{atl::errc::timeout, atl::to_string(wire_targets.front().at) +
                                                        " took much longer than the other nodes"}
                   : results.error();
    for (auto& each : to.targets)
      add(each, why, &each == &to.targets.front());
    co_return left;
  }
  auto suspects = find_suspects(*results);
  for (std::size_t i = 0; i < to.targets.size(); ++i) {
    auto outcome = check_result(to, (*results)[i]);
    if (!outcome)
      add(to.targets[i], outcome.error(),
          suspects[i] || outcome.error().code == atl::errc::corrupt);
    else
      with_.progress.note();
  }
  co_return left;
}

} // namespace dfs
