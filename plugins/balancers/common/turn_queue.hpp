#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

namespace atl::balancers {

/// Whose turn it is: a unit (a member, or a failure domain) has a credit, which grows by the
/// unit's share at each call and falls by one when the unit takes its turn. The unit with the
/// largest credit is next; of equal ones that with the lowest rank.
///
/// Credits of units with the same share grow alike, so these units stay in a queue in the order of
/// their credits, and only the first of each queue is looked at: a turn takes time in proportion
/// to the number of different shares. Not thread-safe; allocates in `reserve` only.
class turn_queue {
 public:
  struct unit {
    std::uint32_t number;
    std::uint32_t rank;  ///< no two units have the same
    double share;        ///< turns a call
    double credit;       ///< in turns
    std::int64_t debt{}; ///< for the queue's use: the negative credit before the first call
  };

  /// A place of a unit, until a turn is taken.
  struct place {
    std::size_t queue;
    std::size_t index; ///< from the first of the queue
  };

  void reserve(std::size_t units) {
    units_.reserve(units);
    queues_.reserve(units);
    clear();
  }

  void clear() {
    units_.clear();
    queues_.clear();
    calls_ = 0;
  }

  /// To be followed by `arrange` when all are added.
  void add(const unit& added) {
    units_.push_back(added);
    units_.back().debt = -std::llround(added.credit * turn);
  }

  void arrange() {
    std::sort(units_.begin(), units_.end(), [](const unit& a, const unit& b) {
      return std::tie(a.share, a.debt, a.rank) < std::tie(b.share, b.debt, b.rank);
    });
    for (std::size_t i = 0; i < units_.size(); ++i) {
      if (i == 0 || units_[i].share != units_[i - 1].share)
        queues_.push_back({i, 0, 0, units_[i].share});
      ++queues_.back().size;
    }
  }

  /// Adds each unit's share to its credit.
  void begin_call() { ++calls_; }
  void cancel_call() { --calls_; }
  std::uint64_t calls() const { return calls_; }

  /// The unit whose turn it is, of those for which `skip(number)` doesn't hold.
  template <class Skip>
  std::optional<place> next(Skip&& skip) const {
    std::optional<place> best;
    double best_credit = 0;
    for (std::size_t queue = 0; queue < queues_.size(); ++queue)
      for (std::size_t index = 0; index < queues_[queue].size; ++index) {
        auto& candidate = at({queue, index});
        if (skip(candidate.number))
          continue;
        auto more = credit(candidate) - best_credit;
        if (!best || more > equal || (more >= -equal && candidate.rank < at(*best).rank)) {
          best = place{queue, index};
          best_credit = credit(candidate);
        }
        break;
      }
    return best;
  }

  std::uint32_t number(place where) const { return at(where).number; }
  double credit(place where) const { return credit(at(where)); }

  /// The unit at this place takes its turn: it goes behind all with a larger credit.
  void take(place where) {
    auto taken = at(where);
    taken.debt += static_cast<std::int64_t>(turn);
    for (auto index = where.index; index > 0; --index)
      at({where.queue, index}) = at({where.queue, index - 1});
    auto& queue = queues_[where.queue];
    queue.first = queue.first + 1 == queue.size ? 0 : queue.first + 1;
    auto index = queue.size - 1;
    for (; index > 0; --index) {
      auto& before = at({where.queue, index - 1});
      if (std::tie(before.debt, before.rank) < std::tie(taken.debt, taken.rank))
        break;
      at({where.queue, index}) = before;
    }
    at({where.queue, index}) = taken;
  }

  /// Calls `visit(number, credit)` for each unit.
  template <class Visit>
  void for_each_credit(Visit&& visit) const {
    for (auto& each : units_)
      visit(each.number, credit(each));
  }

 private:
  struct queue {
    std::size_t begin; ///< in `units_`
    std::size_t size;
    std::size_t first; ///< offset of the first: the units from `begin` are a ring
    double share;
  };

  /// Debts are whole numbers of 1 / `turn`, so that equal ones compare equal.
  static constexpr double turn = 0x1p40;
  /// Credits of different shares that differ by less are equal, so that the rank decides and not
  /// the last bit of a product.
  static constexpr double equal = 1e-9;

  double credit(const unit& of) const {
    return of.share * static_cast<double>(calls_) - static_cast<double>(of.debt) / turn;
  }

  std::size_t position(place where) const {
    auto& queue = queues_[where.queue];
    auto offset = queue.first + where.index;
    return queue.begin + (offset < queue.size ? offset : offset - queue.size);
  }

  unit& at(place where) { return units_[position(where)]; }
  const unit& at(place where) const { return units_[position(where)]; }

  std::vector<unit> units_;
  std::vector<queue> queues_;
  std::uint64_t calls_ = 0;
};

} // namespace atl::balancers
