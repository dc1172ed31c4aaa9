#include "client/range_gathering.hpp"

#include "bulk/range_limits.hpp"
#include "client/plugin_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <exception>
#include <map>
#include <utility>

namespace dfs {

using atl::spi::fragment_range;
using atl::spi::source;
using boost::asio::awaitable;
using progress = fragment_reads::progress;

namespace {

/// What has arrived, or is on its way, costs nothing more.
std::uint64_t cost_of(double cost, bool is_here) {
  constexpr int magnitude_max = 30;
  if (is_here)
    return 0;
  auto magnitude = cost < 1 || std::isinf(cost) ? 0 : std::min(std::ilogb(cost), magnitude_max);
  return std::uint64_t{1} << magnitude;
}

} // namespace

range_gathering::range_gathering(const read_tools& tools, const chunk_record& chunk,
                                 std::span<const fragment_holder> holders, std::uint64_t offset,
                                 std::span<char> into, fragment_dispatch::context_pointer context)
    : tools_{tools}, chunk_{chunk}, holders_{holders}, offset_{offset}, into_{into},
      reads_{tools, chunk.id, std::move(context)} {}

awaitable<void> range_gathering::run(read_round& round) {
  std::exception_ptr thrown;
  try {
    co_await read_until_done(round);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await reads_.give_up_rest();
  if (thrown)
    std::rethrow_exception(thrown);
  if (!round.is_done)
    for (auto& failed : reads_.failures())
      round.add_failure(failed);
}

awaitable<void> range_gathering::read_until_done(read_round& round) {
  for (;;) {
    auto wanted = make_plan();
    if (!wanted)
      co_return;
    if (wanted->size() > read_ranges_max) {
      round.fatal = atl::error{
          atl::errc::refused,
          fmt::format("the recovery plugin '{}' names {} ranges of fragments to read for bytes {} "
                      "to {} of chunk {}, and at most {} are possible: read less at once, or "
                      "choose smaller chunks",
                      tools_.by.policy.recovery, wanted->size(), offset_, offset_ + into_.size(),
                      to_string(chunk_.id), read_ranges_max)};
      co_return;
    }
    if (start_missing(*wanted)) {
      co_await reads_.wait();
      continue;
    }
    round.is_done = assemble(*wanted);
    if (!round.is_done)
      round.fatal = atl::error{
          atl::errc::internal,
          fmt::format("the recovery plugin '{}' can't make bytes {} to {} of chunk {} out of the "
                      "reads that it named for them",
                      tools_.by.policy.recovery, offset_, offset_ + into_.size(),
                      to_string(chunk_.id))};
    co_return;
  }
}

// -- what to read -------------------------------------------------------------------------------

/// First without nodes that are silent or said to be down, then with the silent ones, and with all
/// that haven't failed at last.
std::optional<range_gathering::plan> range_gathering::make_plan() const {
  for (auto [with_silent, with_down] : {std::pair{false, false}, {true, false}, {true, true}}) {
    std::vector<source> sources;
    for (auto& holder : holders_) {
      auto cost = tools_.dispatch.cost(holder.node);
      auto is_here = has_state(holder, progress::arrived) || has_state(holder, progress::running);
      if (has_state(holder, progress::failed) ||
          (!with_silent && has_state(holder, progress::overdue)) ||
          (!with_down && !is_here && std::isinf(cost)))
        continue;
      sources.push_back({holder.fragment, cost_of(cost, is_here)});
    }
    if (auto found = plan_from(sources))
      return found;
  }
  return std::nullopt;
}

std::optional<range_gathering::plan>
range_gathering::plan_from(const std::vector<source>& sources) const {
  auto& scheme = *tools_.by.recovery;
  auto found = call_plugin("recovery", tools_.by.policy.recovery, [&] {
    return scheme.reads_for(chunk_.size_bytes, offset_, into_.size(), sources);
  });
  auto is_possible = [&](const fragment_range& range) {
    auto size = scheme.fragment_size(chunk_.size_bytes, range.fragment);
    return std::ranges::find(sources, range.fragment, &source::fragment) != sources.end() &&
           range.offset <= size && range.length <= size - range.offset;
  };
  return found && std::ranges::all_of(*found, is_possible) ? found : std::nullopt;
}

bool range_gathering::has_state(const fragment_holder& holder, progress state) const {
  return std::ranges::any_of(parts_, [&](auto& part) {
    return part.range.fragment == holder.fragment && reads_.state(part.read) == state;
  });
}

const range_gathering::part* range_gathering::find_part(const fragment_range& range) const {
  auto found = std::ranges::find_if(parts_, [&](auto& part) {
    return part.range == range && reads_.state(part.read) != progress::failed;
  });
  return found == parts_.end() ? nullptr : &*found;
}

// -- reading ------------------------------------------------------------------------------------

/// @returns whether something of the plan has not arrived yet
bool range_gathering::start_missing(const plan& wanted) {
  auto waits = false;
  std::map<std::uint32_t, std::size_t> running; // by fragment, each of which is on another node
  for (auto& part : parts_)
    running[part.range.fragment] += reads_.state(part.read) == progress::running ? 1 : 0;
  for (auto& range : wanted) {
    auto* known = find_part(range);
    waits = waits || known == nullptr || reads_.is_under_way(known->read);
    if (known != nullptr)
      continue;
    if (running[range.fragment] == read_ranges_at_node_max)
      continue;
    ++running[range.fragment];
    auto holder = std::ranges::find(holders_, range.fragment, &fragment_holder::fragment);
    auto& part = parts_.emplace_back();
    part.range = range;
    part.bytes.resize(range.length);
    part.read =
        reads_.start(*holder, tools_.by.recovery->fragment_size(chunk_.size_bytes, range.fragment),
                     range.offset, part.bytes, std::isinf(tools_.dispatch.cost(holder->node)));
  }
  return waits;
}

bool range_gathering::assemble(const plan& wanted) {
  std::vector<atl::spi::piece> pieces;
  for (auto& range : wanted)
    pieces.push_back({range, find_part(range)->bytes});
  return call_plugin("recovery", tools_.by.policy.recovery, [&] {
    return tools_.by.recovery->assemble(chunk_.size_bytes, offset_, pieces, into_);
  });
}

} // namespace dfs
