#pragma once

#include "../common/key_hash.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace atl::balancers {

/// Permutations of the members with a weight above 0, in which the members of each failure domain
/// are spread evenly, so that neighbours are in different domains if domains permit. They depend on
/// ids and domains alone: every host, today and after a restart, gets the same. Not thread-safe.
class permutations {
 public:
  explicit permutations(std::size_t count) : count_{count} {}

  void update(std::span<const spi::member> members) {
    std::map<std::uint32_t, std::vector<spi::slot>> domains;
    size_ = 0;
    for (spi::slot who = 0; who < members.size(); ++who)
      if (members[who].weight > 0) {
        domains[members[who].domain].push_back(who);
        ++size_;
      }
    domains_ = domains.size();
    slots_.clear();
    for (std::size_t number = 0; number < count_; ++number)
      append(number, members, domains);
  }

  std::size_t count() const { return count_; }
  std::size_t size() const { return size_; } ///< members of a permutation
  std::size_t domains() const { return domains_; }

  std::span<const spi::slot> operator[](std::size_t number) const {
    return std::span{slots_}.subspan(number * size_, size_);
  }

 private:
  struct placed_member {
    double place; ///< from 0 to 1
    std::uint64_t hash;
    spi::slot who;

    friend bool operator<(const placed_member& a, const placed_member& b) {
      return a.place != b.place ? a.place < b.place : a.hash < b.hash;
    }
  };

  void append(std::size_t number, std::span<const spi::member> members,
              const std::map<std::uint32_t, std::vector<spi::slot>>& domains) {
    std::vector<placed_member> order, of_domain;
    for (auto& [domain, slots] : domains) {
      of_domain.clear();
      for (auto who : slots)
        of_domain.push_back({0, mix(members[who].id, number), who});
      std::sort(of_domain.begin(), of_domain.end());
      // The number that a host gives to a domain may differ in another process; hashes don't.
      auto shift = unit_of(mix(of_domain.front().hash));
      for (std::size_t i = 0; i < of_domain.size(); ++i)
        of_domain[i].place =
            (static_cast<double>(i) + shift) / static_cast<double>(of_domain.size());
      order.insert(order.end(), of_domain.begin(), of_domain.end());
    }
    std::sort(order.begin(), order.end());
    for (auto& each : order)
      slots_.push_back(each.who);
  }

  std::size_t count_;
  std::size_t size_ = 0;
  std::size_t domains_ = 0;
  std::vector<spi::slot> slots_; ///< one permutation after the other
};

} // namespace atl::balancers
