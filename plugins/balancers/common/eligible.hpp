#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <optional>

namespace atl::balancers {

/// Which members a request may go to: those that are available and weren't tried. Valid as long as
/// the request and the facts are.
class eligible {
 public:
  eligible(const spi::pick_request& request, const spi::member_facts& facts)
      : available_{facts.available}, tried_{request.tried} {}

  bool operator()(spi::slot who) const {
    return available_[who] != 0 && std::find(tried_.begin(), tried_.end(), who) == tried_.end();
  }

 private:
  std::span<const std::uint8_t> available_;
  std::span<const spi::slot> tried_;
};

/// One of the members for which `may(slot)` holds, each with the same probability; `no_slot` if
/// there is none. A few draws among all members suffice as long as most of them may be picked;
/// after that the members are counted.
template <class Predicate>
spi::slot draw_uniform(spi::random_source& random, std::size_t members, Predicate&& may) {
  constexpr int draws_max = 8;
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
