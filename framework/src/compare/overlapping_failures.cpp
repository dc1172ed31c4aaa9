#include "overlapping_failures.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace atl::compare {

namespace {

constexpr double not_away = -1;

} // namespace

overlapping_failures::overlapping_failures(const simulated_places& places, scheme_answers& answers,
                                           const repair_speed& speed)
    : places_{places}, answers_{answers}, speed_{speed}, states_(places.group_of.size()),
      groups_(places.groups), away_until_(places.held.size(), not_away), zone_failed_(speed.zones) {
}

void overlapping_failures::note_zone(std::uint32_t node) {
  auto zone = node % speed_.zones;
  zones_failed_ += zone_failed_[zone] ? 0 : 1;
  zone_failed_[zone] = true;
}

void overlapping_failures::touch(std::uint32_t chunk) {
  if (!std::exchange(states_[chunk].is_touched, true))
    touched_.push_back(chunk);
}

std::uint64_t overlapping_failures::fail_node(std::uint32_t node, double now) {
  undetected_.push_back({node, now + speed_.detection});
  note_zone(node);
  std::uint64_t losses = 0;
  for (auto& held : places_.held[node]) {
    auto& state = states_[held.chunk];
    auto bit = fragment_set{1} << held.fragment;
    if (state.is_lost || (state.elsewhere & bit) != 0)
      continue;
    touch(held.chunk);
    state.missing |= bit;
    state.away &= ~bit;
    if (answers_.survives(state.missing))
      continue;
    state.is_lost = true;
    ++losses;
  }
  return losses;
}

void overlapping_failures::take_away(std::uint32_t node, double now, double returns_at) {
  away_ += away_until_[node] == not_away ? 1 : 0;
  away_until_[node] = returns_at;
  returns_.push_back({node, returns_at});
  note_zone(node);
  undetected_.push_back({node, now + speed_.detection});
  for (auto& held : places_.held[node]) {
    auto& state = states_[held.chunk];
    auto bit = fragment_set{1} << held.fragment;
    if (state.is_lost || ((state.missing | state.elsewhere) & bit) != 0)
      continue;
    touch(held.chunk);
    state.away |= bit;
  }
}

bool overlapping_failures::advance(double until) {
  auto at = [](const std::deque<node_event>& events) {
    return events.empty() ? std::numeric_limits<double>::infinity() : events.front().at;
  };
  while (std::min(at(undetected_), at(returns_)) <= until) {
    auto is_return = at(returns_) <= at(undetected_);
    auto& events = is_return ? returns_ : undetected_;
    auto next = events.front();
    events.pop_front();
    advance_repairs(next.at);
    if (is_return)
      bring_back(next);
    else
      detect(next.node, next.at);
  }
  advance_repairs(until);
  return undetected_.empty() && returns_.empty() && busy_.empty();
}

void overlapping_failures::detect(std::uint32_t node, double now) {
  for (auto& held : places_.held[node]) {
    auto& state = states_[held.chunk];
    auto bit = fragment_set{1} << held.fragment;
    if (state.is_lost || ((state.missing | state.away) & bit) == 0 || (state.known & bit) != 0)
      continue;
    state.known |= bit;
    enqueue(held.chunk, now);
  }
}

void overlapping_failures::bring_back(const node_event& back) {
  if (back.at < away_until_[back.node])
    return; // it has gone away again since
  away_until_[back.node] = not_away;
  --away_;
  for (auto& held : places_.held[back.node]) {
    auto& state = states_[held.chunk];
    auto bit = fragment_set{1} << held.fragment;
    state.known &= ~(state.away & bit);
    state.away &= ~bit;
    state.elsewhere &= ~bit;
    // It may have had too few fragments until now to be repaired.
    if (state.known != 0 && !state.is_lost)
      enqueue(held.chunk, back.at);
  }
}

void overlapping_failures::enqueue(std::uint32_t chunk, double now) {
  auto index = places_.group_of[chunk];
  auto& group = groups_[index];
  group.waiting.push({chunk, answers_.spare(states_[chunk].known)});
  if (group.is_busy)
    return;
  group.is_busy = true;
  group.idle_since = now;
  busy_.push_back(index);
}

void overlapping_failures::advance_repairs(double until) {
  std::erase_if(busy_, [&](std::uint32_t index) { return !advance_group(groups_[index], until); });
}

double overlapping_failures::group_rate() const {
  auto receivers = speed_.receivers * (speed_.are_by_zone ? std::max(1u, zones_failed_) : 1u);
  auto up = static_cast<double>(places_.held.size() - away_);
  return speed_.node_rate * std::max(1.0, std::min(receivers, up - 1));
}

bool overlapping_failures::advance_group(group_state& group, double until) {
  for (;;) {
    if (!group.current) {
      group.current = next_repair(group);
      if (!group.current)
        return group.is_busy = false;
      group.current->done = group.idle_since + group.current->bytes / group_rate();
    }
    if (group.current->done > until)
      return true;
    group.idle_since = group.current->done;
    finish(*group.current);
    group.current.reset();
  }
}

std::optional<overlapping_failures::repair> overlapping_failures::next_repair(group_state& group) {
  while (auto next = group.waiting.pop()) {
    auto& state = states_[next->chunk];
    auto gone = state.missing | state.away;
    if (state.is_lost || state.known == 0 || answers_.spare(state.known) != next->spare ||
        !answers_.survives(gone))
      continue;
    auto fragment = static_cast<std::uint32_t>(std::countr_zero(state.known));
    return repair{next->chunk, fragment, answers_.rebuild_bytes(gone, fragment), 0};
  }
  return std::nullopt;
}

void overlapping_failures::finish(const repair& done) {
  rebuilt_bytes_ += done.bytes;
  auto& state = states_[done.chunk];
  auto bit = fragment_set{1} << done.fragment;
  if (state.is_lost || (state.known & bit) == 0)
    return; // its node has returned meanwhile, unless the chunk is lost
  auto node = places_.node_of[done.chunk * places_.fragments + done.fragment];
  if (away_until_[node] != not_away)
    state.elsewhere |= bit;
  state.missing &= ~bit;
  state.away &= ~bit;
  state.known &= ~bit;
  if (state.known != 0)
    enqueue(done.chunk, done.done);
}

void overlapping_failures::end_episode() {
  for (auto chunk : touched_)
    states_[chunk] = {};
  touched_.clear();
  for (auto index : busy_)
    groups_[index] = {};
  busy_.clear();
  undetected_.clear();
  for (auto& back : returns_)
    away_until_[back.node] = not_away;
  returns_.clear();
  away_ = 0;
  zone_failed_.assign(speed_.zones, false);
  zones_failed_ = 0;
}

} // namespace atl::compare
