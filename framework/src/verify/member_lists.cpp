#include "member_lists.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

namespace atl::verify {

using properties::listed_member;

namespace {

/// Numbers of domains that belong to one member only.
constexpr std::uint32_t own_domains = 1'000;

constexpr std::uint64_t tebibyte = std::uint64_t{1} << 40;

} // namespace

member_list group(const std::vector<double>& weights, std::string_view domains) {
  member_list made(weights.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].id = i + 1;
    made[i].weight = weights[i];
    made[i].domain = i < domains.size() ? static_cast<std::uint32_t>(domains[i])
                                        : own_domains + static_cast<std::uint32_t>(i);
  }
  return made;
}

member_list equals(std::size_t size) {
  return group(std::vector<double>(size, 1));
}

const char* name_of(fact which) {
  switch (which) {
  case fact::free_bytes:
    return "free space";
  case fact::in_flight:
    return "requests in flight";
  case fact::reported_in_flight:
    return "reported requests in flight";
  case fact::latency:
    return "latency";
  case fact::all:
    break;
  }
  return "every fact";
}

member_list differing_in(fact which, member_list all) {
  auto is = [&](fact each) { return which == each || which == fact::all; };
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& made = all[i];
    if (is(fact::free_bytes)) {
      made.capacity = tebibyte;
      made.free_bytes = tebibyte >> (5 * i);
    }
    if (is(fact::in_flight))
      made.in_flight = static_cast<std::uint32_t>(10 * i);
    if (is(fact::reported_in_flight))
      made.reported_in_flight = static_cast<std::uint32_t>(10 * i);
    if (is(fact::latency))
      made.latency = static_cast<float>(1'000 + 20'000 * i);
  }
  return all;
}

member_list with_wide_ids(member_list all) {
  for (auto& made : all)
    made.id <<= 32;
  return all;
}

member_list with_dead(member_list all, std::initializer_list<std::size_t> dead) {
  for (auto i : dead)
    all[i].available = false;
  return all;
}

member_list only(const member_list& all, std::initializer_list<std::size_t> positions) {
  member_list some;
  for (auto i : positions)
    some.push_back(all[i]);
  return some;
}

void shuffle(member_list& all, spi::random_source& random) {
  for (auto left = all.size(); left > 1; --left)
    std::swap(all[left - 1], all[random.below(left)]);
}

void draw_facts(spi::random_source& random, member_list& all, bool weird) {
  constexpr float odd[] = {NAN, INFINITY, -INFINITY, -1, 1e38f, 1e-38f};
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  auto is_odd = [&] { return weird && random.chance(0.1); };
  for (auto& made : all) {
    made.in_flight = is_odd() ? most : static_cast<std::uint32_t>(random.below(50));
    made.reported_in_flight = is_odd() ? most : static_cast<std::uint32_t>(random.below(500));
    made.latency =
        is_odd() ? odd[random.below(std::size(odd))] : static_cast<float>(random.below(20'000));
    made.free_bytes = is_odd() ? std::numeric_limits<std::uint64_t>::max() : random.below(tebibyte);
  }
}

double random_weight(spi::random_source& random, bool weird) {
  constexpr double odd[] = {0, 0, 1e300, 1e-300, 5e-324, std::numeric_limits<double>::max()};
  return weird && random.chance(0.3) ? odd[random.below(std::size(odd))]
                                     : static_cast<double>(1 + random.below(9));
}

member_list random_members(spi::random_source& random, std::size_t size, std::size_t domains,
                           bool weird) {
  member_list made(size);
  std::set<std::uint64_t> ids;
  for (std::size_t i = 0; i < size; ++i) {
    auto& each = made[i];
    each.id = 1 + random.below(3 * size); // some ids occur again in another list, most do not
    while (!ids.insert(each.id).second)
      ++each.id;
    auto is_alone = domains == 0 || random.chance(0.1);
    each.domain = static_cast<std::uint32_t>(is_alone ? own_domains + i : random.below(domains));
    each.weight = random_weight(random, weird);
    each.available = !random.chance(0.2);
    each.capacity = random.chance(0.5) ? tebibyte : 0;
  }
  draw_facts(random, made, weird);
  return made;
}

} // namespace atl::verify
