#include "key_sample.hpp"

#include "random_draws.hpp"

#include <algorithm>
#include <map>

namespace atl::compare {

namespace {

constexpr std::uint64_t sampled_keys_max = 10'000;

spi::timestamp stamp(double at) {
  return spi::timestamp{static_cast<std::int64_t>(at)};
}

std::map<std::uint64_t, double> shares(const std::vector<pool_member>& members) {
  double sum = 0;
  for (auto& each : members)
    sum += each.weight;
  std::map<std::uint64_t, double> out;
  for (auto& each : members)
    out[each.id] = sum > 0 ? each.weight / sum : 0;
  return out;
}

} // namespace

std::vector<pool_member> members_at(const workload& workload, double at) {
  std::vector<pool_member> out;
  for (std::size_t i = 0; i < workload.members.size(); ++i) {
    auto& each = workload.members[i];
    if (each.joins <= at && (each.leaves == 0 || at < each.leaves))
      out.push_back({.id = i + 1, .domain = each.domain, .weight = each.weight});
  }
  return out;
}

key_sample::key_sample(const workload& workload, std::unique_ptr<balanced_pool> pool)
    : workload_{workload}, pool_{std::move(pool)} {}

result<key_moves> key_sample::change(double at) {
  auto first = look(at, key_order::forwards);
  auto before = look(at, key_order::backwards);
  auto former = std::move(members_);
  members_ = members_at(workload_, at);
  if (auto told = pool_->update(members_, stamp(at)); !told)
    return tl::unexpected{told.error()};
  key_moves it{.at = at};
  auto old_shares = shares(former);
  auto new_shares = shares(members_);
  for (auto& [id, share] : new_shares) {
    it.joined += !old_shares.contains(id);
    it.least += std::max(0.0, share - (old_shares.contains(id) ? old_shares[id] : 0));
  }
  for (auto& [id, share] : old_shares)
    it.left += !new_shares.contains(id);
  if (first != before)
    return it;
  auto after = look(at, key_order::forwards);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < after.size(); ++i)
    moved += before[i] != after[i];
  it.moved = static_cast<double>(moved) / static_cast<double>(after.size());
  return it;
}

std::vector<std::uint64_t> key_sample::look(double at, key_order order) {
  std::vector<std::uint64_t> out(std::min(workload_.keys.count, sampled_keys_max));
  for (std::uint64_t i = 0; i < out.size(); ++i) {
    auto rank = order == key_order::forwards ? i : out.size() - 1 - i;
    if (auto picked = pool_->pick(key_of_rank(rank), stamp(at)); picked && *picked)
      out[rank] = **picked;
  }
  return out;
}

} // namespace atl::compare
