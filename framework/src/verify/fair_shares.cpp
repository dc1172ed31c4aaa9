#include "fair_shares.hpp"

#include <algorithm>
#include <cstdint>
#include <map>

namespace atl::properties {

namespace {

/// The weights of those that may be picked, beside a greatest one of 1, so that no sum overflows;
/// 0 for the others.
std::vector<double> relative_weights(std::span<const listed_member> members) {
  std::vector<double> weights(members.size());
  double greatest = 0;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].available && members[i].weight > 0) {
      weights[i] = members[i].weight;
      greatest = std::max(greatest, weights[i]);
    }
  for (auto& weight : weights)
    if (weight > 0)
      weight /= greatest;
  return weights;
}

/// Goes through all sequences of draws, and adds up how likely each is.
class draw_enumeration {
 public:
  draw_enumeration(std::span<const listed_member> members, std::size_t count)
      : members_{members}, count_{count}, weights_{relative_weights(members)},
        taken_(members.size()), shares_(members.size()) {}

  std::vector<double> run() {
    draw(0, 1);
    return shares_;
  }

 private:
  void draw(std::size_t drawn, double likely) {
    if (drawn == count_)
      return;
    auto open = open_members();
    double sum = 0;
    for (auto i : open)
      sum += weights_[i];
    for (auto i : open) {
      auto now = likely * weights_[i] / sum;
      shares_[i] += now;
      taken_[i] = true;
      draw(drawn + 1, now);
      taken_[i] = false;
    }
  }

  /// Those that the next draw may take: in unused domains, or in any when all are used.
  std::vector<std::size_t> open_members() const {
    std::vector<std::size_t> fresh, rest;
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (weights_[i] > 0 && !taken_[i])
        (is_used(members_[i].domain) ? rest : fresh).push_back(i);
    // The interface's own `pick_many` opens used domains again each time that none is left, so
    // draws after the first round are not kept apart. Counts up to the number of domains are exact.
    return fresh.empty() ? rest : fresh;
  }

  bool is_used(std::uint32_t domain) const {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (taken_[i] && members_[i].domain == domain)
        return true;
    return false;
  }

  std::span<const listed_member> members_;
  std::size_t count_;
  std::vector<double> weights_;
  std::vector<bool> taken_;
  std::vector<double> shares_;
};

} // namespace

std::vector<double> fair_shares(std::span<const listed_member> members, std::size_t count) {
  std::map<std::uint32_t, std::vector<std::size_t>> domains;
  std::size_t possible = 0;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].available && members[i].weight > 0) {
      ++possible;
      domains[members[i].domain].push_back(i);
    }
  auto weights = relative_weights(members);
  count = std::min(count, possible);
  std::vector<double> shares(members.size());
  if (count == 0)
    return shares;

  auto even = [&](std::size_t level) {
    std::size_t sum = 0;
    for (auto& [number, in_domain] : domains)
      sum += std::min(in_domain.size(), level);
    return sum;
  };
  std::size_t level = 0;
  while (level < count && even(level + 1) <= count)
    ++level;

  auto of_domain = [&](const std::vector<std::size_t>& in_domain, double height) {
    double sum = 0;
    for (auto i : in_domain)
      sum += std::min(1.0, height * weights[i]);
    return sum;
  };
  auto bisect = [](double target, auto&& total) {
    double low = 0, high = 1e18;
    for (int step = 0; step < 200; ++step) {
      auto middle = (low + high) / 2;
      (total(middle) < target ? low : high) = middle;
    }
    return high;
  };
  auto limited = [&](const std::vector<std::size_t>& in_domain, double sum) {
    auto low = std::min(in_domain.size(), level), high = std::min(in_domain.size(), level + 1);
    return std::clamp(sum, static_cast<double>(low), static_cast<double>(high));
  };

  auto common = bisect(static_cast<double>(count), [&](double height) {
    double sum = 0;
    for (auto& [number, in_domain] : domains)
      sum += limited(in_domain, of_domain(in_domain, height));
    return sum;
  });
  for (auto& domain : domains) {
    auto& in_domain = domain.second; // not a structured binding, which Clang 14 doesn't capture
    auto target = limited(in_domain, of_domain(in_domain, common));
    auto height = bisect(target, [&](double each) { return of_domain(in_domain, each); });
    for (auto i : in_domain)
      shares[i] = std::min(1.0, height * weights[i]);
  }
  return shares;
}

std::vector<double> drawn_shares(std::span<const listed_member> members, std::size_t count) {
  return draw_enumeration{members, count}.run();
}

} // namespace atl::properties
