#include "../common/spread_balancer.hpp"
#include "highest_score.hpp"
#include "lookup_table.hpp"

#include <atoll/spi/balancer.hpp>

#include <stdexcept>
#include <string>

namespace {

using namespace atl::spi;
using atl::balancers::mix;

bool is_prime(std::int64_t number) {
  for (std::int64_t factor = 2; factor * factor <= number; ++factor)
    if (number % factor == 0)
      return false;
  return number > 1;
}

std::size_t checked_size(std::int64_t size) {
  if (is_prime(size))
    return static_cast<std::size_t>(size);
  auto prime = size;
  while (!is_prime(prime))
    ++prime;
  throw std::invalid_argument("maglev: table_size is " + std::to_string(size) +
                              ", which isn't prime; the next prime number is " +
                              std::to_string(prime));
}

/// A key goes to the member of its entry in Maglev's table; when that member may not be picked, to
/// the one of another entry that the key draws.
class maglev final : public atl::balancers::spread_balancer<maglev> {
 public:
  explicit maglev(const balancer_setup& setup)
      : table_{checked_size(setup.options.integer("table_size"))} {}

  void update_members(std::span<const member> members) {
    table_.update(members);
    scores_.update(members);
  }

  template <class Predicate>
  slot pick_among(const pick_request& request, const member_facts&, Predicate&& may) const {
    constexpr int draws_max = 4;
    auto hash = mix(request.key);
    for (int draw = 0; draw < draws_max; ++draw, hash = mix(hash)) {
      auto who = table_.member_at(hash);
      if (who == no_slot)
        return no_slot;
      if (may(who))
        return who;
    }
    return scores_.pick(request.key, may);
  }

 private:
  atl::balancers::lookup_table table_;
  atl::balancers::highest_score scores_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"keys", "kept"}};

constexpr option_spec declared[] = {
    {"table_size", option_type::integer, "65537", "251", "262147",
     "Entries of the lookup table, a prime number; at least 100 times the number of members"},
};

} // namespace

ATOLL_PLUGIN(balancer, maglev, 1, 0, 0){
    .summary = "Maglev's lookup table: a key in one step, shares even to one entry",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new maglev{setup}; },
};
