#include "register_search.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace atl::sim {

namespace {

std::uint64_t rates(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

struct fingerprint {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const fingerprint&, const fingerprint&) = default;
};

struct fingerprint_hash {
  std::size_t operator()(const fingerprint& it) const { return it.low; }
};

/// The start or end of an operation, in a doubly linked list. There are two lists: answered
/// operations with their ends, and operations of unknown outcome, which have no end.
struct moment {
  std::uint32_t operation = 0;
  std::uint32_t previous = 0;
  std::uint32_t next = 0; ///< 0: it is the last one
  std::uint32_t end = 0;  ///< of a start: its end; 0: it has none
  std::uint32_t twin = 0; ///< an earlier start of the very same operation, also not answered
  bool is_end = false;
  bool placed = false;
};

/// Applies `it` to a register. @returns false when the register could not have answered as
/// observed.
bool answers(const operation& it, register_value& state) {
  auto seen = it.outcome == operation_outcome::ok;
  switch (it.kind) {
  case operation_kind::read:
    return state == it.result;
  case operation_kind::write:
    state = it.argument;
    return true;
  case operation_kind::cas:
    if (seen && (state == it.expected) != it.matched)
      return false;
    if (state != it.expected)
      return seen; // an unanswered one that doesn't match is as good as never
    state = it.argument;
    return true;
  case operation_kind::add: {
    auto sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(state.value_or(0)) +
                                         static_cast<std::uint64_t>(it.argument.value_or(0)));
    if (seen && it.result != register_value{sum})
      return false;
    state = sum;
    return true;
  }
  }
  return false;
}

/// The search over one key's operations: see `check_linearizable`.
class register_search {
 public:
  register_search(std::vector<candidate> operations, std::uint64_t max_steps)
      : operations_{std::move(operations)}, max_steps_{max_steps} {
    link();
    open_books();
  }

  verdict run() {
    register_value state;
    absorb(state);
    cursor here{moments_[answered].next, false};
    while (required_ > 0) {
      if (steps_ > max_steps_)
        return verdict::gave_up;
      if (!here.unanswered && (here.at == 0 || moments_[here.at].is_end)) {
        // No answered operation fits here: tries unanswered operations that may have taken effect.
        if (here.at != 0)
          note_stuck(moments_[here.at].operation);
        barrier_ = here.at;
        here = {moments_[unanswered].next, true};
      } else if (here.unanswered && (here.at == 0 || (barrier_ != 0 && here.at > barrier_))) {
        if (!take_back(state, here))
          return verdict::not_linearizable;
      } else if (!may_stand_first(here.at) || place(here.at, state) != placing::done) {
        here.at = moments_[here.at].next;
      } else if (absorb(state)) {
        here = {moments_[answered].next, false};
      } else if (!take_back(state, here)) {
        return verdict::not_linearizable;
      }
    }
    return verdict::linearizable;
  }

  std::uint64_t steps() const { return steps_; }
  /// The operation that no order could place, in the attempt with the most placed operations.
  const operation& stuck() const { return *operations_[stuck_].source; }

 private:
  static constexpr std::uint32_t answered = 0;   ///< head of the list of answered operations
  static constexpr std::uint32_t unanswered = 1; ///< head of the list of the others

  enum class placing : std::uint8_t { done, misfit, seen };

  struct cursor {
    std::uint32_t at = 0; ///< 0: behind the last
    bool unanswered = false;
  };
  struct placement {
    std::uint32_t at;
    register_value before;
    std::uint32_t value_before;
  };
  static constexpr std::uint32_t no_value = UINT32_MAX;
  /// Numbers of the values that an operation requires and produces.
  struct trade {
    std::uint32_t needs = no_value;
    std::uint32_t brings = no_value;
  };

  void link() {
    struct edge {
      std::int64_t time;
      bool is_end;
      std::uint32_t operation;
    };
    std::vector<edge> edges;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      edges.push_back({operations_[i].it.invoked, false, i});
      if (operations_[i].it.outcome == operation_outcome::ok) {
        edges.push_back({operations_[i].it.returned, true, i});
        ++required_;
      }
    }
    // At equal times starts come first, so the two operations may be ordered either way.
    std::stable_sort(edges.begin(), edges.end(), [](auto& a, auto& b) {
      return a.time != b.time ? a.time < b.time : a.is_end < b.is_end;
    });
    moments_.resize(edges.size() + 2);
    std::vector<std::uint32_t> starts(operations_.size());
    std::uint32_t last[] = {answered, unanswered};
    std::map<std::tuple<operation_kind, register_value, register_value>, std::uint32_t> twins;
    for (std::uint32_t i = 0; i < edges.size(); ++i) {
      auto here = i + 2; // the number of a moment grows with time
      auto& operation = operations_[edges[i].operation].it;
      auto list = operation.outcome == operation_outcome::ok ? answered : unanswered;
      auto& it = moments_[here];
      it.operation = edges[i].operation;
      it.is_end = edges[i].is_end;
      it.previous = last[list];
      if (list == unanswered) // of equal operations an earlier one may stand for a later one
        it.twin =
            std::exchange(twins[{operation.kind, operation.argument, operation.expected}], here);
      moments_[last[list]].next = here;
      last[list] = here;
      if (it.is_end)
        moments_[starts[it.operation]].end = here;
      else
        starts[it.operation] = here;
    }
  }

  /// Counts for each value the unplaced operations that require it, and those that can produce it.
  void open_books() {
    std::map<register_value, std::uint32_t> ids;
    auto id = [&ids](const register_value& it) {
      return ids.emplace(it, static_cast<std::uint32_t>(ids.size())).first->second;
    };
    first_value_ = id({});
    for (auto& [it, source] : operations_) {
      auto reads = it.kind == operation_kind::read;
      auto swaps = it.kind == operation_kind::cas && it.matched;
      auto answered = it.outcome == operation_outcome::ok;
      trade deal;
      if (answered && (reads || swaps))
        deal.needs = id(reads ? it.result : it.expected);
      if (it.kind == operation_kind::write || swaps)
        deal.brings = id(it.argument);
      trades_.push_back(deal);
      sums_ = sums_ || it.kind == operation_kind::add;
    }
    needed_.resize(ids.size());
    brought_.resize(ids.size());
    for (auto& deal : trades_)
      book(deal, 1);
    value_ = first_value_;
  }

  void book(const trade& deal, int sign) {
    if (deal.needs != no_value)
      needed_[deal.needs] += sign;
    if (deal.brings != no_value)
      brought_[deal.brings] += sign;
  }

  /// True if an unplaced operation requires the present value, and none can produce it again.
  bool must_not_leave(const trade& deal) const {
    if (sums_ || deal.brings == no_value || deal.brings == value_)
      return false;
    return needed_[value_] > (deal.needs == value_ ? 1 : 0) && brought_[value_] == 0;
  }

  void unlink(std::uint32_t at) {
    moments_[moments_[at].previous].next = moments_[at].next;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = moments_[at].previous;
  }
  void relink(std::uint32_t at) {
    moments_[moments_[at].previous].next = at;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = at;
  }

  fingerprint of(std::uint32_t operation) const {
    return {rates(operation * 2 + 0x9e3779b97f4a7c15), rates(operation * 2 + 0xd1b54a32d192ed03)};
  }

  /// Symmetry reduction: among identical unanswered operations, places the earliest first.
  bool may_stand_first(std::uint32_t at) const {
    auto twin = moments_[at].twin;
    return twin == 0 || moments_[twin].placed;
  }

  static bool is_idle(const operation& it) {
    return it.outcome == operation_outcome::ok &&
           (it.kind == operation_kind::read || (it.kind == operation_kind::cas && !it.matched));
  }

  /// Places every fitting operation that changes nothing: its first fitting place is as good as any
  /// later one. @returns false when the branch cannot succeed.
  bool absorb(register_value& state) {
    for (auto at = moments_[answered].next; at != 0 && !moments_[at].is_end;) {
      auto next_before = moments_[at].next;
      if (is_idle(operations_[moments_[at].operation].it)) {
        auto what = place(at, state);
        if (what == placing::seen)
          return false;
        if (what == placing::done) {
          // Removing the start may have removed the next end.
          at = moments_[at].next;
          continue;
        }
      }
      at = next_before;
    }
    return true;
  }

  placing place(std::uint32_t at, register_value& state) {
    ++steps_;
    auto index = moments_[at].operation;
    auto before = state;
    auto& deal = trades_[index];
    if (!answers(operations_[index].it, state) || must_not_leave(deal)) {
      state = before;
      return placing::misfit;
    }
    auto bit = of(index);
    fingerprint set{set_.low ^ bit.low, set_.high ^ bit.high};
    auto value = state ? rates(static_cast<std::uint64_t>(*state) + 0x632be59bd9b4e019) : 0;
    if (!seen_.insert({set.low ^ value, set.high ^ rates(value + 1)}).second) {
      state = before;
      return placing::seen;
    }
    set_ = set;
    placed_.push_back({at, before, value_});
    book(deal, -1);
    if (deal.brings != no_value)
      value_ = deal.brings;
    moments_[at].placed = true;
    if (moments_[at].end != 0) {
      unlink(moments_[at].end);
      --required_;
    }
    unlink(at);
    return placing::done;
  }

  /// Undoes the last placement that has an alternative, and continues with that. @returns false
  /// when there is none.
  bool take_back(register_value& state, cursor& here) {
    for (auto idle = true; idle;) {
      if (placed_.empty())
        return false;
      auto last = placed_.back();
      placed_.pop_back();
      state = last.before;
      value_ = last.value_before;
      relink(last.at);
      auto& it = moments_[last.at];
      it.placed = false;
      book(trades_[it.operation], 1);
      auto bit = of(it.operation);
      set_ = {set_.low ^ bit.low, set_.high ^ bit.high};
      if (it.end != 0) {
        relink(it.end);
        ++required_;
      }
      idle = is_idle(operations_[it.operation].it);
      here = {it.next, it.end == 0};
    }
    if (!here.unanswered)
      return true;
    for (barrier_ = moments_[answered].next; barrier_ != 0 && !moments_[barrier_].is_end;)
      barrier_ = moments_[barrier_].next;
    return true;
  }

  void note_stuck(std::uint32_t operation) {
    if (placed_.size() >= furthest_) {
      furthest_ = placed_.size();
      stuck_ = operation;
    }
  }

  std::vector<candidate> operations_;
  std::vector<moment> moments_; ///< the two heads, then all in the order of time
  std::vector<placement> placed_;
  std::unordered_set<fingerprint, fingerprint_hash> seen_;
  fingerprint set_;
  std::vector<trade> trades_;
  std::vector<std::int64_t> needed_;  ///< by value: operations yet to be placed that need it
  std::vector<std::int64_t> brought_; ///< by value: operations yet to be placed that bring it
  std::uint32_t value_ = 0;           ///< the present one's number
  std::uint32_t first_value_ = 0;
  bool sums_ = false; ///< there are additions: what they bring isn't known beforehand
  std::size_t required_ = 0;
  std::size_t furthest_ = 0;
  std::uint32_t stuck_ = 0;
  std::uint32_t barrier_ = 0; ///< the first end in the list: what starts behind it must wait
  std::uint64_t steps_ = 0;
  std::uint64_t max_steps_;
};

} // namespace

search_outcome search_order(std::vector<candidate> operations, std::uint64_t max_steps) {
  register_search search{std::move(operations), max_steps};
  search_outcome out;
  out.what = search.run();
  out.steps = search.steps();
  if (out.what == verdict::not_linearizable)
    out.stuck = &search.stuck();
  return out;
}

} // namespace atl::sim
