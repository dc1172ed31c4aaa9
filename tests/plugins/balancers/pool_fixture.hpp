#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// What the tests of all balancers share.
namespace balancer_test {

namespace spi = atl::spi;
using spi::no_slot;
using spi::slot;

/// The members of a pool and the facts of each, as a host keeps them. After members or weights
/// changed the test calls `update`; facts it sets at any time.
class pool_fixture {
 public:
  std::vector<spi::member> members;
  std::vector<std::uint8_t> available;
  std::vector<std::uint32_t> in_flight;
  std::vector<std::uint32_t> reported_in_flight;
  std::vector<float> latency; ///< microseconds
  std::vector<std::uint64_t> free_bytes;
  spi::timestamp now{0};

  /// `size` available members 1, 2, … of weight 1, each in a domain of its own.
  explicit pool_fixture(std::size_t size = 0) {
    for (std::size_t i = 0; i < size; ++i)
      join();
  }

  static pool_fixture weighing(const std::vector<double>& weights) {
    pool_fixture pool{weights.size()};
    for (std::size_t i = 0; i < weights.size(); ++i)
      pool.members[i].weight = weights[i];
    return pool;
  }

  /// Members of weight 1, one for each letter, which is its failure domain.
  static pool_fixture in_domains(const std::string& letters) {
    pool_fixture pool{letters.size()};
    for (std::size_t i = 0; i < letters.size(); ++i)
      pool.members[i].domain = static_cast<std::uint32_t>(letters[i]);
    return pool;
  }

  std::size_t size() const { return members.size(); }

  /// Appends a member with the next id that no member had so far, in a domain of its own.
  spi::member& join(double weight = 1) {
    auto id = ++last_id_;
    constexpr std::uint32_t above_letters = 1000;
    auto domain = above_letters + static_cast<std::uint32_t>(id);
    members.push_back({.id = id, .domain = domain, .weight = weight});
    available.push_back(1);
    in_flight.push_back(0);
    reported_in_flight.push_back(0);
    latency.push_back(0);
    free_bytes.push_back(0);
    return members.back();
  }

  void leave(slot who) {
    auto erase = [who](auto& array) { array.erase(array.begin() + who); };
    erase(members);
    erase(available);
    erase(in_flight);
    erase(reported_in_flight);
    erase(latency);
    erase(free_bytes);
  }

  /// Exchanges two members and all that is known of them, as in a list of another order.
  void exchange(slot a, slot b) {
    auto swap = [a, b](auto& array) { std::swap(array[a], array[b]); };
    swap(members);
    swap(available);
    swap(in_flight);
    swap(reported_in_flight);
    swap(latency);
    swap(free_bytes);
  }

  /// Valid until the pool is changed.
  spi::member_facts facts() {
    domains_.resize(size());
    for (std::size_t i = 0; i < size(); ++i)
      domains_[i] = members[i].domain;
    return facts_with_known_domains();
  }

  void update(spi::balancer& balancer) const { balancer.update(members); }

  slot pick(spi::balancer& balancer, std::uint64_t key = 0, std::span<const slot> tried = {}) {
    return balancer.pick({.key = key, .now = now, .tried = tried}, facts());
  }

  std::vector<slot> pick_many(spi::balancer& balancer, std::size_t count, std::uint64_t key = 0,
                              std::span<const slot> tried = {}) {
    std::vector<slot> picks(count, no_slot);
    auto filled = balancer.pick_many({.key = key, .now = now, .tried = tried}, facts(), picks);
    picks.resize(std::min(filled, count));
    return picks;
  }

  /// Available and not tried.
  bool may_pick(slot who, std::span<const slot> tried = {}) const {
    return who < size() && available[who] != 0 &&
           std::find(tried.begin(), tried.end(), who) == tried.end();
  }

 private:
  spi::member_facts facts_with_known_domains() const {
    return {.available = available,
            .domain = domains_,
            .in_flight = in_flight,
            .reported_in_flight = reported_in_flight,
            .latency = latency,
            .free_bytes = free_bytes};
  }

  std::uint64_t last_id_ = 0;
  std::vector<std::uint32_t> domains_;
};

/// The picks of `calls` calls with the keys 0, 1, … as letters: a for slot 0, b for slot 1; `-`:
/// none.
inline std::string spelled(spi::balancer& balancer, pool_fixture& pool, std::size_t calls) {
  std::string text;
  for (std::size_t call = 0; call < calls; ++call) {
    auto who = pool.pick(balancer, call);
    text += who == no_slot ? '-' : static_cast<char>('a' + who);
  }
  return text;
}

/// How often each member is picked in `calls` calls with the keys 0, 1, …
/// @param count picks a call by `pick_many`; 0: one by `pick`
inline std::vector<std::uint64_t> tally(spi::balancer& balancer, pool_fixture& pool,
                                        std::size_t calls, std::size_t count = 0) {
  std::vector<std::uint64_t> counts(pool.size());
  auto facts = pool.facts();
  std::vector<slot> picks(std::max<std::size_t>(count, 1));
  for (std::size_t call = 0; call < calls; ++call) {
    spi::pick_request request{.key = call, .now = pool.now};
    std::size_t filled = 1;
    if (count == 0)
      picks[0] = balancer.pick(request, facts);
    else
      filled = balancer.pick_many(request, facts, picks);
    for (std::size_t i = 0; i < filled; ++i)
      if (picks[i] < counts.size())
        ++counts[picks[i]];
  }
  return counts;
}

/// χ² of counts whose expectations are in proportion to `weights`; members without weight are left
/// out.
inline double chi_squared(const std::vector<std::uint64_t>& counts,
                          const std::vector<double>& weights) {
  double total = 0, sum = 0, result = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (weights[i] > 0) {
      total += static_cast<double>(counts[i]);
      sum += weights[i];
    }
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (weights[i] > 0) {
      auto expected = total * weights[i] / sum;
      auto off = static_cast<double>(counts[i]) - expected;
      result += off * off / expected;
    }
  return result;
}

/// χ² of counts whose expectations are equal.
inline double chi_squared(const std::vector<std::uint64_t>& counts) {
  return chi_squared(counts, std::vector<double>(counts.size(), 1));
}

/// χ² of as many classes is beyond this once in 100,000 runs (Wilson & Hilferty 1931).
inline double chi_squared_max(std::size_t classes) {
  auto freedom = static_cast<double>(classes - 1);
  auto part = 2 / (9 * freedom);
  return freedom * std::pow(1 - part + 4.265 * std::sqrt(part), 3);
}

} // namespace balancer_test
