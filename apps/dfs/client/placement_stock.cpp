#include "client/placement_stock.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

bool is_on_any(const protocol::placement& place, const std::vector<storage_id>& nodes) {
  return std::ranges::any_of(place.targets, [&](auto& target) {
    return std::ranges::find(nodes, target.id) != nodes.end();
  });
}

} // namespace

placement_stock::placement_stock(std::uint64_t upload, policy_id policy, allocate ask,
                                 std::function<void(const chunk_id&)> on_placed,
                                 suspect_nodes& suspects)
    : upload_{upload}, policy_{policy}, ask_{std::move(ask)},
      on_placed_{std::move(on_placed)}, suspects_{suspects} {}

void placement_stock::expect(std::uint64_t chunks) {
  std::lock_guard lock{mutex_};
  expected_ = chunks;
}

atl::result<protocol::placement> placement_stock::take(std::size_t bytes,
                                                       const std::vector<storage_id>& avoid,
                                                       clock::time_point now) {
  std::lock_guard lock{mutex_};
  auto all = avoid;
  for (auto node : suspects_.list(now))
    if (std::ranges::find(all, node) == all.end())
      all.push_back(node);
  auto found = find(bytes, all, now);
  if (found)
    return std::move(*found);
  auto asked = ask(bytes, all, now);
  if (!asked)
    return tl::unexpected{asked.error()};
  ++used_;
  auto first = std::move(places_.front());
  places_.pop_front();
  return first;
}

/// A place that a suspect has is dropped, because the next chunk would meet the suspect as well.
std::optional<protocol::placement> placement_stock::find(std::size_t bytes,
                                                         const std::vector<storage_id>& avoid,
                                                         clock::time_point now) {
  auto is_old = now - asked_ >= age_max;
  is_slow_ = is_slow_ || (is_old && !places_.empty());
  if (bytes > chunk_bytes_ || is_old)
    places_.clear();
  while (!places_.empty()) {
    auto first = std::move(places_.front());
    places_.pop_front();
    if (is_on_any(first, avoid))
      continue;
    ++used_;
    return first;
  }
  return std::nullopt;
}

atl::status placement_stock::ask(std::size_t bytes, const std::vector<storage_id>& avoid,
                                 clock::time_point now) {
  auto count = how_many();
  auto answer = ask_({upload_, static_cast<std::uint32_t>(count), bytes, avoid, policy_});
  if (!answer)
    return tl::unexpected{answer.error()};
  on_placed_(answer->placements.front().chunk);
  places_.assign(std::make_move_iterator(answer->placements.begin()),
                 std::make_move_iterator(answer->placements.end()));
  chunk_bytes_ = bytes;
  asked_ = now;
  asked_for_ = count;
  used_ = 0;
  is_slow_ = false;
  return {};
}

/// An upload that didn't use the places of its last request in time is slow, and asks for fewer.
std::uint64_t placement_stock::how_many() const {
  auto wanted = is_slow_    ? std::max<std::uint64_t>(used_, 1)
                : expected_ ? *expected_
                            : std::max<std::uint64_t>(2 * asked_for_, 1);
  return std::clamp<std::uint64_t>(std::min(wanted, expected_.value_or(wanted)), 1, ask_max);
}

} // namespace dfs
