#pragma once

#include "balancer_driver.hpp"

#include <atoll/spi/random.hpp>

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <vector>

/// Lists of members for the checks of balancers.
namespace atl::verify {

using properties::member_list;

/// Available members 1, 2, … with these weights; each letter of `domains` names a failure domain.
/// Members without a letter have a domain of their own.
member_list group(const std::vector<double>& weights, std::string_view domains = {});

/// `size` members of equal weight, each with a domain of its own.
member_list equals(std::size_t size);

/// What differs between members besides their weights. No claim of shares depends on it.
enum class fact { free_bytes, in_flight, reported_in_flight, latency, all };
constexpr fact all_facts[] = {fact::free_bytes, fact::in_flight, fact::reported_in_flight,
                              fact::latency, fact::all};
const char* name_of(fact which);

/// The same members, each worse in this fact than the one before: fuller, busier, slower.
member_list differing_in(fact which, member_list all);

/// The same with ids whose lower 32 bits are equal.
member_list with_wide_ids(member_list all);

/// The same with the members at these positions unavailable.
member_list with_dead(member_list all, std::initializer_list<std::size_t> dead);

/// The members at these positions.
member_list only(const member_list& all, std::initializer_list<std::size_t> positions);

void shuffle(member_list& all, spi::random_source& random);

/// Draws all facts of each member again but for its availability. If `weird`, with latencies that
/// are no numbers, and the greatest numbers of each kind.
void draw_facts(spi::random_source& random, member_list& all, bool weird);

/// `size` members in up to `domains` failure domains (0: each in its own), some of them unavailable
/// and with all facts drawn; if `weird` also with the weights 0, tiny and huge.
member_list random_members(spi::random_source& random, std::size_t size, std::size_t domains,
                           bool weird);

/// A weight that a host may give: from 1 to 9, or if `weird` sometimes 0, tiny or huge.
double random_weight(spi::random_source& random, bool weird);

} // namespace atl::verify
