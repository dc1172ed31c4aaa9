#pragma once

#include "stale_pages.hpp"

#include <atoll/keep/keeper_effects.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace atl::keep {

/// The effects that the host has not taken yet, and the source of tickets.
class outbox {
 public:
  ticket next_ticket() { return ++tickets_; }
  /// Tickets of different terms differ, also those of keepers in different processes: otherwise a
  /// late answer to an earlier leader could pass for one to the present leader at the same host.
  void begin_term(std::uint64_t term) { tickets_ = std::max(tickets_, term << 32); }
  void emit(effect what) { effects_.push_back(std::move(what)); }
  void ask(unit_query what) {
    stale_.on_query(what.id);
    emit(std::move(what));
  }
  void clear() {
    effects_.clear();
    stale_.clear();
  }
  /// Which units in the answers to the queries have been relocated since.
  stale_pages& stale() { return stale_; }
  std::vector<effect> take() { return std::exchange(effects_, {}); }

 private:
  std::vector<effect> effects_;
  stale_pages stale_;
  ticket tickets_ = 0;
};

} // namespace atl::keep
