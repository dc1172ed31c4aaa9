#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atl::balancers {

/// Some of the numbers from 0 to n - 1. Clearing the set takes no time in proportion to n, and
/// nothing but `resize` allocates.
class mark_set {
 public:
  /// Makes room for the numbers below `size`; none is in the set then.
  void resize(std::size_t size) {
    rounds_.assign(size, 0);
    round_ = 1;
  }

  void clear() {
    if (++round_ == 0)
      resize(rounds_.size());
  }

  void insert(std::size_t number) { rounds_[number] = round_; }
  void erase(std::size_t number) { rounds_[number] = 0; }
  bool contains(std::size_t number) const { return rounds_[number] == round_; }
  std::size_t size() const { return rounds_.size(); }

 private:
  std::vector<std::uint32_t> rounds_; ///< in the set: those equal to `round_`
  std::uint32_t round_ = 1;
};

/// Which members a request may go to: those that are available and weren't tried. Valid as long as
/// the request and the facts are.
class eligible {
 public:
  eligible(const spi::pick_request& request, const spi::member_facts& facts)
      : available_{facts.available}, tried_{request.tried} {}

  /// Marks a long list of tried members in `scratch`, which has room for all slots, so that each
  /// question takes the same short time.
  eligible(const spi::pick_request& request, const spi::member_facts& facts, mark_set& scratch)
      : eligible{request, facts} {
    constexpr std::size_t searched_max = 8;
    if (tried_.size() <= searched_max)
      return;
    scratch.clear();
    for (auto who : tried_)
      if (who < scratch.size())
        scratch.insert(who);
    tried_ = {};
    marked_ = &scratch;
  }

  bool operator()(spi::slot who) const {
    return available_[who] != 0 && (marked_ == nullptr || !marked_->contains(who)) &&
           std::find(tried_.begin(), tried_.end(), who) == tried_.end();
  }

 private:
  std::span<const std::uint8_t> available_;
  std::span<const spi::slot> tried_;
  const mark_set* marked_ = nullptr;
};

/// One of the members for which `may(slot)` holds, each with the same probability; `no_slot` if
/// there is none. A few draws among all members suffice as long as most of them may be picked;
/// after that the members are counted.
template <class Predicate>
spi::slot draw_uniform(spi::random_source& random, std::size_t members, Predicate&& may) {
  constexpr int draws_max = 16;
  if (members == 0)
    return spi::no_slot;
  for (int draw = 0; draw < draws_max; ++draw)
    if (auto who = static_cast<spi::slot>(random.below(members)); may(who))
      return who;
  std::size_t count = 0;
  for (spi::slot who = 0; who < members; ++who)
    count += may(who);
  if (count == 0)
    return spi::no_slot;
  auto wanted = random.below(count);
  for (spi::slot who = 0; who < members; ++who)
    if (may(who) && wanted-- == 0)
      return who;
  return spi::no_slot;
}

} // namespace atl::balancers
