#pragma once

#include <atoll/spi/balancer.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace atl::balancers {

/// A failure domain and its candidates that may be picked.
struct domain_group {
  std::vector<std::size_t> members; ///< indices into the candidates, in their order
};

/// The candidates for which `eligible(i)` holds, by failure domain, in the order in which the
/// domains first appear. A candidate without a domain forms its own domain.
template <class Eligible>
std::vector<domain_group> by_domain(std::span<const spi::candidate> candidates,
                                    Eligible&& eligible) {
  std::vector<domain_group> groups;
  std::unordered_map<std::string_view, std::size_t> named;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!eligible(i))
      continue;
    auto group = groups.size();
    if (!candidates[i].domain.empty())
      group = named.try_emplace(candidates[i].domain, group).first->second;
    if (group == groups.size())
      groups.emplace_back();
    groups[group].members.push_back(i);
  }
  return groups;
}

} // namespace atl::balancers
