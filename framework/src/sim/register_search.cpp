#include "register_search.hpp"

#include "hash.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace atl::sim {

namespace {

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
  std::uint32_t next = 0; ///< 0: this is the last moment
  std::uint32_t end = 0;  ///< of a start: the end of the operation; 0: none
  /// An earlier start of an identical operation, which is not answered either; 0: none.
  std::uint32_t earlier_duplicate = 0;
  bool is_end = false;
  bool placed = false;
};

/// Applies the operation to a register. @returns false when the register could not have answered as
/// observed.
bool apply_if_consistent(const operation& it, register_value& state) {
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
      return seen; // an unanswered operation that doesn't match has no effect
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
  register_search(std::vector<candidate> operations, std::uint64_t steps_max)
      : operations_{std::move(operations)}, steps_max_{steps_max} {
    link();
    count_values();
  }

  verdict run() {
    register_value state;
    place_unchanging_operations(state);
    cursor here{moments_[answered].next, false};
    while (required_ > 0) {
      if (steps_ > steps_max_)
        return verdict::gave_up;
      if (!here.unanswered && (here.at == 0 || moments_[here.at].is_end)) {
        // No answered operation fits here: tries unanswered operations that may have taken effect.
        if (here.at != 0)
          record_stuck(moments_[here.at].operation);
        barrier_ = here.at;
        here = {moments_[unanswered].next, true};
      } else if (here.unanswered && (here.at == 0 || (barrier_ != 0 && here.at > barrier_))) {
        if (!backtrack(state, here))
          return verdict::not_linearizable;
      } else if (!can_be_placed_next(here.at) || place(here.at, state) != placing::done) {
        here.at = moments_[here.at].next;
      } else if (place_unchanging_operations(state)) {
        here = {moments_[answered].next, false};
      } else if (!backtrack(state, here)) {
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
  static constexpr std::uint32_t unanswered = 1; ///< head of the list of unanswered operations

  enum class placing : std::uint8_t { done, does_not_fit, seen };

  struct cursor {
    std::uint32_t at = 0; ///< 0: after the last moment
    bool unanswered = false;
  };
  struct placement {
    std::uint32_t at;
    register_value before;
    std::uint32_t value_before;
  };
  static constexpr std::uint32_t no_value = UINT32_MAX;
  /// Numbers of the values that an operation requires and produces.
  struct value_use {
    std::uint32_t required = no_value;
    std::uint32_t produced = no_value;
  };

  void link() {
    struct edge {
      std::int64_t time;
      bool is_end;
      std::uint32_t operation;
    };
    std::vector<edge> edges;
    for (std::uint32_t i = 0; i < operations_.size(); ++i) {
      edges.push_back({operations_[i].op.invoked, false, i});
      if (operations_[i].op.outcome == operation_outcome::ok) {
        edges.push_back({operations_[i].op.returned, true, i});
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
    std::map<std::tuple<operation_kind, register_value, register_value>, std::uint32_t>
        last_duplicate;
    for (std::uint32_t i = 0; i < edges.size(); ++i) {
      auto here = i + 2; // the number of a moment grows with time
      auto& operation = operations_[edges[i].operation].op;
      auto list = operation.outcome == operation_outcome::ok ? answered : unanswered;
      auto& it = moments_[here];
      it.operation = edges[i].operation;
      it.is_end = edges[i].is_end;
      it.previous = last[list];
      if (list == unanswered) // among identical operations the search places the earliest first
        it.earlier_duplicate = std::exchange(
            last_duplicate[{operation.kind, operation.argument, operation.expected}], here);
      moments_[last[list]].next = here;
      last[list] = here;
      if (it.is_end)
        moments_[starts[it.operation]].end = here;
      else
        starts[it.operation] = here;
    }
  }

  /// Counts for each value the unplaced operations that require it, and those that can produce it.
  void count_values() {
    std::map<register_value, std::uint32_t> ids;
    auto id = [&ids](const register_value& it) {
      return ids.emplace(it, static_cast<std::uint32_t>(ids.size())).first->second;
    };
    first_value_ = id({});
    for (auto& [op, source] : operations_) {
      auto reads = op.kind == operation_kind::read;
      auto compares = op.kind == operation_kind::cas && op.matched;
      auto answered = op.outcome == operation_outcome::ok;
      value_use use;
      if (answered && (reads || compares))
        use.required = id(reads ? op.result : op.expected);
      if (op.kind == operation_kind::write || compares)
        use.produced = id(op.argument);
      value_uses_.push_back(use);
      has_additions_ = has_additions_ || op.kind == operation_kind::add;
    }
    consumers_.resize(ids.size());
    producers_.resize(ids.size());
    for (auto& use : value_uses_)
      add_to_counts(use, 1);
    value_ = first_value_;
  }

  void add_to_counts(const value_use& use, int sign) {
    if (use.required != no_value)
      consumers_[use.required] += sign;
    if (use.produced != no_value)
      producers_[use.produced] += sign;
  }

  /// True if an unplaced operation requires the present value, and none can produce it again.
  bool would_strand_value(const value_use& use) const {
    if (has_additions_ || use.produced == no_value || use.produced == value_)
      return false;
    return consumers_[value_] > (use.required == value_ ? 1 : 0) && producers_[value_] == 0;
  }

  void unlink(std::uint32_t at) {
    moments_[moments_[at].previous].next = moments_[at].next;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = moments_[at].previous;
  }
  void link_again(std::uint32_t at) {
    moments_[moments_[at].previous].next = at;
    if (moments_[at].next != 0)
      moments_[moments_[at].next].previous = at;
  }

  fingerprint of(std::uint32_t operation) const {
    return {mix_bits(operation * 2 + 0x9e3779b97f4a7c15),
            mix_bits(operation * 2 + 0xd1b54a32d192ed03)};
  }

  /// Symmetry reduction: among identical unanswered operations, places the earliest first.
  bool can_be_placed_next(std::uint32_t at) const {
    auto earlier_duplicate = moments_[at].earlier_duplicate;
    return earlier_duplicate == 0 || moments_[earlier_duplicate].placed;
  }

  static bool changes_nothing(const operation& it) {
    return it.outcome == operation_outcome::ok &&
           (it.kind == operation_kind::read || (it.kind == operation_kind::cas && !it.matched));
  }

  /// Places every fitting operation that changes nothing: a later place cannot be better than the
  /// first place that fits. @returns false when the branch cannot succeed.
  bool place_unchanging_operations(register_value& state) {
    for (auto at = moments_[answered].next; at != 0 && !moments_[at].is_end;) {
      auto next_before = moments_[at].next;
      if (changes_nothing(operations_[moments_[at].operation].op)) {
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
    auto& use = value_uses_[index];
    if (!apply_if_consistent(operations_[index].op, state) || would_strand_value(use)) {
      state = before;
      return placing::does_not_fit;
    }
    auto bit = of(index);
    fingerprint set{set_.low ^ bit.low, set_.high ^ bit.high};
    auto value = state ? mix_bits(static_cast<std::uint64_t>(*state) + 0x632be59bd9b4e019) : 0;
    if (!seen_.insert({set.low ^ value, set.high ^ mix_bits(value + 1)}).second) {
      state = before;
      return placing::seen;
    }
    set_ = set;
    placed_.push_back({at, before, value_});
    add_to_counts(use, -1);
    if (use.produced != no_value)
      value_ = use.produced;
    moments_[at].placed = true;
    if (moments_[at].end != 0) {
      unlink(moments_[at].end);
      --required_;
    }
    unlink(at);
    return placing::done;
  }

  /// Undoes placements up to the last one that has an alternative, and continues with the
  /// alternative. @returns false when there is none.
  bool backtrack(register_value& state, cursor& here) {
    for (auto idle = true; idle;) {
      if (placed_.empty())
        return false;
      auto last = placed_.back();
      placed_.pop_back();
      state = last.before;
      value_ = last.value_before;
      link_again(last.at);
      auto& it = moments_[last.at];
      it.placed = false;
      add_to_counts(value_uses_[it.operation], 1);
      auto bit = of(it.operation);
      set_ = {set_.low ^ bit.low, set_.high ^ bit.high};
      if (it.end != 0) {
        link_again(it.end);
        ++required_;
      }
      idle = changes_nothing(operations_[it.operation].op);
      here = {it.next, it.end == 0};
    }
    if (!here.unanswered)
      return true;
    for (barrier_ = moments_[answered].next; barrier_ != 0 && !moments_[barrier_].is_end;)
      barrier_ = moments_[barrier_].next;
    return true;
  }

  void record_stuck(std::uint32_t operation) {
    if (placed_.size() >= placed_max_) {
      placed_max_ = placed_.size();
      stuck_ = operation;
    }
  }

  std::vector<candidate> operations_;
  std::vector<moment> moments_; ///< the two heads, then all moments in order of time
  std::vector<placement> placed_;
  std::unordered_set<fingerprint, fingerprint_hash> seen_;
  fingerprint set_;
  std::vector<value_use> value_uses_;
  std::vector<std::int64_t> consumers_; ///< by value: unplaced operations that require the value
  std::vector<std::int64_t>
      producers_;           ///< by value: unplaced operations that can produce the value
  std::uint32_t value_ = 0; ///< the number of the present value
  std::uint32_t first_value_ = 0;
  bool has_additions_ = false; ///< additions exist, whose sums aren't known beforehand
  std::size_t required_ = 0;
  std::size_t placed_max_ = 0;
  std::uint32_t stuck_ = 0;
  std::uint32_t barrier_ =
      0; ///< the first end in the list: operations that start after it must wait
  std::uint64_t steps_ = 0;
  std::uint64_t steps_max_;
};

} // namespace

search_outcome search_order(std::vector<candidate> operations, std::uint64_t steps_max) {
  register_search search{std::move(operations), steps_max};
  search_outcome out;
  out.what = search.run();
  out.steps = search.steps();
  if (out.what == verdict::not_linearizable)
    out.stuck = &search.stuck();
  return out;
}

} // namespace atl::sim
