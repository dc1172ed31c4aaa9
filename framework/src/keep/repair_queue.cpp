#include "repair_queue.hpp"

#include <utility>

namespace atl::keep {

namespace {

bool is_move(repair_queue::danger rank) {
  return rank >= repair_queue::drain;
}

} // namespace

void repair_queue::push(entry what) {
  what.serial = ++serials_;
  auto known = entries_.find(what.unit.id);
  if (known != entries_.end()) {
    auto& old = known->second;
    if (is_move(what.rank) && !is_move(old.rank))
      return; // a repair comes first; the move is found again later
    if (old.rank == what.rank && old.sender == what.sender) {
      what.serial = old.serial; // it keeps its place
      bytes_ += what.bytes - old.bytes;
      old = std::move(what);
      return;
    }
    forget(known);
  }
  if (entries_.size() >= queued_units_max) {
    has_overflowed_ = true;
    if (lanes_.empty() || lanes_.rbegin()->first <= what.rank)
      return;
    drop_least_endangered();
  }
  bytes_ += what.bytes;
  most_endangered_ += what.rank == most_endangered ? 1 : 0;
  if (is_move(what.rank))
    ++moves_[what.sender];
  lanes_[what.rank].senders[what.sender].push_back({what.unit.id, what.serial});
  auto id = what.unit.id;
  entries_.emplace(id, std::move(what));
}

void repair_queue::forget(std::unordered_map<unit_id, entry>::iterator which) {
  auto& gone = which->second;
  bytes_ -= gone.bytes;
  most_endangered_ -= gone.rank == most_endangered ? 1 : 0;
  if (is_move(gone.rank))
    if (auto count = moves_.find(gone.sender); count != moves_.end() && --count->second == 0)
      moves_.erase(count);
  entries_.erase(which);
}

void repair_queue::erase(const unit_id& unit) {
  if (auto known = entries_.find(unit); known != entries_.end())
    forget(known);
}

void repair_queue::erase_repairs_seen_before(std::uint64_t search) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto next = std::next(at);
    if (!is_move(at->second.rank) && at->second.seen < search)
      forget(at);
    at = next;
  }
}

void repair_queue::erase_moves_from(node_id node) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto next = std::next(at);
    if (is_move(at->second.rank) && at->second.sender == node)
      forget(at);
    at = next;
  }
}

void repair_queue::clear() {
  entries_.clear();
  lanes_.clear();
  moves_.clear();
  bytes_ = 0;
  most_endangered_ = 0;
  has_overflowed_ = false;
}

repair_queue::entry* repair_queue::front(std::deque<waiting>& line) {
  while (!line.empty()) {
    auto known = entries_.find(line.front().unit);
    if (known != entries_.end() && known->second.serial == line.front().serial)
      return &known->second;
    line.pop_front();
  }
  return nullptr;
}

std::size_t repair_queue::moves_from(node_id node) const {
  auto count = moves_.find(node);
  return count == moves_.end() ? 0 : count->second;
}

bool repair_queue::take_overflow() {
  return std::exchange(has_overflowed_, false);
}

void repair_queue::drop_least_endangered() {
  while (!lanes_.empty()) {
    auto last = std::prev(lanes_.end());
    auto& senders = last->second.senders;
    while (!senders.empty()) {
      auto sender = std::prev(senders.end());
      auto& line = sender->second;
      while (!line.empty()) {
        auto [unit, serial] = line.back();
        line.pop_back();
        auto known = entries_.find(unit);
        if (known != entries_.end() && known->second.serial == serial)
          return forget(known);
      }
      senders.erase(sender);
    }
    lanes_.erase(last);
  }
}

} // namespace atl::keep
