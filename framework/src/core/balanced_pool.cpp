#include <atoll/core/balanced_pool.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <unordered_set>
#include <utility>

// The members of a pool, and what is known of them.
namespace atl {

namespace {

constexpr auto long_ago = spi::timestamp::max();

bool has_same_slow_facts(const pool_member& a, const pool_member& b) {
  return a.id == b.id && a.domain == b.domain && a.weight == b.weight && a.capacity == b.capacity;
}

/// Failure domains as numbers: members with the same name share one, a member without a name has
/// one of its own.
std::vector<std::uint32_t> number_domains(const std::vector<pool_member>& members) {
  std::unordered_map<std::string_view, std::uint32_t> named;
  std::vector<std::uint32_t> numbers;
  std::uint32_t next = 0;
  for (auto& member : members)
    if (member.domain.empty())
      numbers.push_back(next++);
    else if (auto [entry, is_new] = named.try_emplace(member.domain, next); is_new)
      numbers.push_back(next++);
    else
      numbers.push_back(entry->second);
  return numbers;
}

} // namespace

balanced_pool::balanced_pool(std::shared_ptr<spi::balancer> balancer, std::string name,
                             pool_options options)
    : balancer_{std::move(balancer)}, name_{std::move(name)}, options_{std::move(options)},
      random_{options_.seed}, outliers_{options_.outliers} {}

// -- the list of members ----------------------------------------------------------------------

status balanced_pool::update(std::vector<pool_member> members, spi::timestamp now) {
  if (auto valid = check(members); !valid)
    return valid;
  pass_time(now);
  if (!is_same_list(members))
    return replace_list(std::move(members), now);
  for (spi::slot who = 0; who < members.size(); ++who) {
    free_bytes_[who] = members[who].free_bytes;
    set_available(members[who].id, members[who].available, now);
  }
  return {};
}

status balanced_pool::check(const std::vector<pool_member>& members) {
  if (members.size() > spi::members_max)
    return fail(errc::invalid,
                fmt::format("a pool has at most {} members, and this one would have {}",
                            spi::members_max, members.size()));
  std::unordered_set<std::uint64_t> ids;
  for (auto& member : members) {
    if (!std::isfinite(member.weight) || member.weight < 0)
      return fail(errc::invalid,
                  fmt::format("the weight of member {} is {}; expected a number from "
                              "0 on",
                              member.id, member.weight));
    if (!ids.insert(member.id).second)
      return fail(errc::invalid, fmt::format("member {} stands twice in the pool", member.id));
  }
  return {};
}

bool balanced_pool::is_same_list(const std::vector<pool_member>& members) const {
  return std::equal(members.begin(), members.end(), members_.begin(), members_.end(),
                    has_same_slow_facts);
}

status balanced_pool::replace_list(std::vector<pool_member> members, spi::timestamp now) {
  auto count = members.size();
  auto domains = number_domains(members);
  std::vector<spi::timestamp> started(count, was_filled_ ? now : long_ago);
  std::vector<std::uint32_t> in_flight(count), reported(count);
  std::vector<float> latency(count);
  std::vector<std::uint64_t> free_bytes(count);
  std::vector<std::uint8_t> full(count);
  std::vector<outlier_detector::record> outliers(count);
  std::vector<spi::member> told(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& member = members[i];
    told[i] = {member.id, domains[i], member.weight, member.capacity};
    free_bytes[i] = member.free_bytes;
    auto former = slot_of(member.id);
    if (!former)
      continue;
    started[i] = members_[*former].available || !member.available ? started_[*former] : now;
    in_flight[i] = in_flight_[*former];
    reported[i] = reported_in_flight_[*former];
    latency[i] = latency_[*former];
    full[i] = full_[*former];
    outliers[i] = outliers_.at(*former);
  }

  members_ = std::move(members);
  domain_ = std::move(domains);
  started_ = std::move(started);
  in_flight_ = std::move(in_flight);
  reported_in_flight_ = std::move(reported);
  latency_ = std::move(latency);
  free_bytes_ = std::move(free_bytes);
  full_ = std::move(full);
  outliers_.update(std::move(outliers));
  available_.assign(count, 0);
  local_available_.assign(count, 0);
  full_only_.assign(count, 0);
  ejected_only_.assign(count, 0);
  local_members_ = local_usable_ = full_only_members_ = 0;
  slots_.clear();
  for (spi::slot who = 0; who < count; ++who) {
    slots_.emplace(members_[who].id, who);
    local_members_ += is_local(who);
    refresh(who);
  }
  was_filled_ = was_filled_ || count > 0;
  auto updated = guard([&] { balancer_->update(told); });
  if (!updated)
    forget_all();
  return updated;
}

void balanced_pool::forget_all() {
  members_.clear();
  slots_.clear();
  outliers_.update({});
  domain_.clear();
  started_.clear();
  in_flight_.clear();
  reported_in_flight_.clear();
  latency_.clear();
  free_bytes_.clear();
  available_.clear();
  local_available_.clear();
  full_.clear();
  full_only_.clear();
  ejected_only_.clear();
  local_members_ = local_usable_ = full_only_members_ = 0;
}

std::optional<spi::slot> balanced_pool::slot_of(std::uint64_t id) const {
  auto found = slots_.find(id);
  return found == slots_.end() ? std::nullopt : std::optional{found->second};
}

// -- facts ------------------------------------------------------------------------------------

bool balanced_pool::is_local(spi::slot who) const {
  return !options_.local_domain.empty() && members_[who].domain == options_.local_domain;
}

/// Sets what the balancer is told of a member's availability.
void balanced_pool::refresh(spi::slot who) {
  auto healthy = members_[who].available && !outliers_.is_ejected(who);
  auto usable = healthy && full_[who] == 0;
  ejected_only_[who] = members_[who].available && !healthy && full_[who] == 0;
  available_[who] = usable;
  full_only_members_ = full_only_members_ + (healthy && !usable) - full_only_[who];
  full_only_[who] = healthy && !usable;
  if (!is_local(who))
    return;
  local_usable_ = local_usable_ + usable - local_available_[who];
  local_available_[who] = usable;
}

void balanced_pool::set_available(std::uint64_t id, bool available, spi::timestamp now) {
  auto who = slot_of(id);
  if (!who || members_[*who].available == available)
    return;
  pass_time(now);
  members_[*who].available = available;
  if (available)
    started_[*who] = now;
  refresh(*who);
}

void balanced_pool::set_free_bytes(std::uint64_t id, std::uint64_t bytes) {
  if (auto who = slot_of(id))
    free_bytes_[*who] = bytes;
}

void balanced_pool::set_reported_in_flight(std::uint64_t id, std::uint32_t requests) {
  if (auto who = slot_of(id))
    reported_in_flight_[*who] = requests;
}

void balanced_pool::set_full(std::uint64_t id, bool full) {
  if (auto who = slot_of(id)) {
    full_[*who] = full;
    refresh(*who);
  }
}

/// Time never goes back for a balancer. Members whose ejection is over are available again.
void balanced_pool::pass_time(spi::timestamp& now) {
  now = last_now_ = std::max(last_now_, now);
  outliers_.expire(now, [&](spi::slot who) {
    started_[who] = now;
    refresh(who);
  });
}

bool balanced_pool::is_usable(std::uint64_t id) const {
  auto who = slot_of(id);
  return who && available_[*who] != 0;
}

bool balanced_pool::is_ejected(std::uint64_t id) const {
  auto who = slot_of(id);
  return who && outliers_.is_ejected(*who);
}

float balanced_pool::latency(std::uint64_t id) const {
  auto who = slot_of(id);
  return who ? latency_[*who] : 0;
}

std::uint32_t balanced_pool::in_flight(std::uint64_t id) const {
  auto who = slot_of(id);
  return who ? in_flight_[*who] : 0;
}

std::vector<std::uint64_t> balanced_pool::with_less_space_than(std::uint64_t bytes) const {
  std::vector<std::uint64_t> ids;
  for (spi::slot who = 0; who < members_.size(); ++who)
    if (free_bytes_[who] < bytes)
      ids.push_back(members_[who].id);
  return ids;
}

// -- outcomes and probes ----------------------------------------------------------------------

void balanced_pool::begin(std::uint64_t id) {
  if (auto who = slot_of(id))
    ++in_flight_[*who];
}

void balanced_pool::cancel(std::uint64_t id) {
  if (auto who = slot_of(id); who && in_flight_[*who] > 0)
    --in_flight_[*who];
}

void balanced_pool::finish(std::uint64_t id, const spi::outcome& result, spi::timestamp now) {
  constexpr float part_of_newest = 1.0F / 8;
  cancel(id);
  auto who = slot_of(id);
  if (!who)
    return;
  pass_time(now);
  if (result.ok) {
    auto took = static_cast<float>(std::max<std::int64_t>(result.latency.count(), 1));
    auto& mean = latency_[*who];
    mean = mean == 0 ? took : mean + (took - mean) * part_of_newest;
  }
  if (outliers_.observe(*who, result.ok, now))
    refresh(*who);
  std::ignore = guard([&] { balancer_->observe(*who, result, now); });
}

std::vector<std::uint64_t> balanced_pool::wanted_probes(spi::timestamp now) {
  pass_time(now);
  std::array<spi::slot, probes_max> whom{};
  std::size_t count = 0;
  std::vector<std::uint64_t> ids;
  if (!guard([&] { count = balancer_->wanted_probes(now, facts(available_), whom); }))
    return ids;
  for (auto who : std::span{whom}.first(std::min(count, whom.size())))
    if (who < members_.size())
      ids.push_back(members_[who].id);
    else
      ++plugin_errors_;
  return ids;
}

void balanced_pool::on_probe(std::uint64_t id, const spi::probe_result& result,
                             spi::timestamp now) {
  auto who = slot_of(id);
  if (!who)
    return;
  pass_time(now);
  reported_in_flight_[*who] = result.in_flight;
  std::ignore = guard([&] { balancer_->on_probe(*who, result, now); });
}

} // namespace atl
