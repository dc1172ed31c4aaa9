#include "overlapping_failures.hpp"

#include <bit>

namespace atl::compare {

overlapping_failures::overlapping_failures(const simulated_places& places, scheme_answers& answers,
                                           double detection, double group_rate)
    : places_{places}, answers_{answers}, detection_{detection}, group_rate_{group_rate},
      states_(places.group_of.size()), groups_(places.groups) {}

std::uint64_t overlapping_failures::fail_node(std::uint32_t node, double now) {
  undetected_.push_back({node, now + detection_});
  std::uint64_t losses = 0;
  for (auto& held : places_.held[node]) {
    auto& state = states_[held.chunk];
    if (state.is_lost)
      continue;
    if (state.missing == 0)
      touched_.push_back(held.chunk);
    state.missing |= fragment_set{1} << held.fragment;
    if (answers_.survives(state.missing))
      continue;
    state.is_lost = true;
    ++losses;
  }
  return losses;
}

bool overlapping_failures::advance(double until) {
  while (!undetected_.empty() && undetected_.front().at <= until) {
    auto next = undetected_.front();
    undetected_.pop_front();
    advance_repairs(next.at);
    detect(next.node, next.at);
  }
  advance_repairs(until);
  return undetected_.empty() && busy_.empty();
}

void overlapping_failures::detect(std::uint32_t node, double now) {
  for (auto& held : places_.held[node]) {
    auto& state = states_[held.chunk];
    auto bit = fragment_set{1} << held.fragment;
    if (state.is_lost || (state.missing & bit) == 0 || (state.known & bit) != 0)
      continue;
    state.known |= bit;
    enqueue(held.chunk, now);
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

bool overlapping_failures::advance_group(group_state& group, double until) {
  for (;;) {
    if (!group.current) {
      group.current = next_repair(group);
      if (!group.current)
        return group.is_busy = false;
      group.current->done = group.idle_since + group.current->bytes / group_rate_;
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
    if (state.is_lost || state.known == 0 || answers_.spare(state.known) != next->spare)
      continue;
    auto fragment = static_cast<std::uint32_t>(std::countr_zero(state.known));
    return repair{next->chunk, fragment, answers_.rebuild_bytes(state.missing, fragment), 0};
  }
  return std::nullopt;
}

void overlapping_failures::finish(const repair& done) {
  rebuilt_bytes_ += done.bytes;
  auto& state = states_[done.chunk];
  if (state.is_lost)
    return;
  auto bit = fragment_set{1} << done.fragment;
  state.missing &= ~bit;
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
}

} // namespace atl::compare
