#pragma once

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace atl::balancers {

/// The failure domains of the members by numbers from 0, in the order in which they first appear,
/// and the members of each.
class domain_table {
 public:
  void update(std::span<const spi::member> members) {
    std::unordered_map<std::uint32_t, std::uint32_t> numbers;
    of_.clear();
    for (auto& member : members)
      of_.push_back(numbers.try_emplace(member.domain, static_cast<std::uint32_t>(numbers.size()))
                        .first->second);
    begin_.assign(numbers.size() + 1, 0);
    for (auto domain : of_)
      ++begin_[domain + 1];
    for (std::size_t domain = 0; domain < numbers.size(); ++domain)
      begin_[domain + 1] += begin_[domain];
    members_.resize(members.size());
    auto next = begin_;
    for (spi::slot who = 0; who < members.size(); ++who)
      members_[next[of_[who]]++] = who;
  }

  std::size_t size() const { return begin_.empty() ? 0 : begin_.size() - 1; }
  std::uint32_t of(spi::slot who) const { return of_[who]; }
  std::span<const std::uint32_t> numbers() const { return of_; } ///< by slot

  /// Where the members of a domain begin in a list of all members by domain.
  std::size_t begin(std::size_t domain) const { return begin_[domain]; }
  spi::slot at(std::size_t position) const { return members_[position]; }

  /// In the order of slots.
  std::span<const spi::slot> members(std::size_t domain) const {
    return std::span{members_}.subspan(begin_[domain], begin_[domain + 1] - begin_[domain]);
  }

 private:
  std::vector<std::uint32_t> of_; ///< by slot
  std::vector<std::size_t> begin_;
  std::vector<spi::slot> members_; ///< of domain d: from `begin_[d]` to `begin_[d + 1]`
};

} // namespace atl::balancers
