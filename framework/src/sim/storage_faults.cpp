#include <atoll/sim/storage_faults.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

using set = storage_fault_set;
using rates = storage_fault_rates;

constexpr std::array<storage_fault_name, 22> names{{
    {"node_crashes", &set::node_crashes},
    {"flapping", &set::flapping},
    {"zone_losses", &set::zone_losses},
    {"node_deaths", &set::node_deaths},
    {"node_wipes", &set::node_wipes},
    {"disk_failures", &set::disk_failures},
    {"bit_rot", &set::bit_rot},
    {"full_disks", &set::full_disks},
    {"slow_disks", &set::slow_disks},
    {"leader_changes", &set::leader_changes},
    {"lost_heartbeats", &set::lost_heartbeats},
    {"lost_orders", &set::lost_orders},
    {"doubled_orders", &set::doubled_orders},
    {"late_orders", &set::late_orders},
    {"lost_results", &set::lost_results},
    {"doubled_results", &set::doubled_results},
    {"late_results", &set::late_results},
    {"failed_queries", &set::failed_queries},
    {"failed_commands", &set::failed_commands},
    {"client_deaths", &set::client_deaths},
    {"drains", &set::drains},
    {"policy_changes", &set::policy_changes},
}};

/// A kind of fault that acts with a probability, and the greatest one that is drawn.
struct rated_kind {
  std::string_view words;
  bool set::*flag;
  double rates::*rate;
  double most;
};

constexpr std::array<rated_kind, 11> rated{{
    {"change of leader per effect", &set::leader_changes, &rates::leader_change, 0.004},
    {"lost heartbeats", &set::lost_heartbeats, &rates::lost_heartbeat, 0.25},
    {"lost orders", &set::lost_orders, &rates::lost_order, 0.2},
    {"doubled orders", &set::doubled_orders, &rates::doubled_order, 0.2},
    {"late orders", &set::late_orders, &rates::late_order, 0.2},
    {"lost results", &set::lost_results, &rates::lost_result, 0.2},
    {"doubled results", &set::doubled_results, &rates::doubled_result, 0.2},
    {"late results", &set::late_results, &rates::late_result, 0.2},
    {"failed queries", &set::failed_queries, &rates::failed_query, 0.2},
    {"failed commands", &set::failed_commands, &rates::failed_command, 0.2},
    {"client deaths", &set::client_deaths, &rates::client_death, 0.3},
}};

/// Kinds that come from time to time, each with a schedule of its own.
constexpr std::array<bool set::*, 12> timed_kinds{
    &set::node_crashes, &set::flapping,       &set::zone_losses, &set::node_deaths,
    &set::node_wipes,   &set::disk_failures,  &set::bit_rot,     &set::full_disks,
    &set::slow_disks,   &set::leader_changes, &set::drains,      &set::policy_changes};

} // namespace

std::span<const storage_fault_name> storage_fault_names() {
  return names;
}

storage_fault_set storage_fault_set::all() {
  storage_fault_set every;
  for (auto& known : names)
    every.*known.flag = true;
  return every;
}

storage_fault_rates storage_fault_rates::draw(const storage_fault_set& allowed,
                                              spi::random_source& random) {
  storage_fault_rates drawn;
  // Every kind draws, allowed or not, so that allowing one more leaves the others unchanged.
  for (auto& kind : rated) {
    auto armed = random.chance(0.4) && allowed.*kind.flag;
    auto rate = kind.most * random.unit();
    drawn.*kind.rate = armed ? rate : 0;
  }
  std::int64_t kinds = 0;
  for (auto flag : timed_kinds) {
    drawn.timed.*flag = random.chance(0.4) && allowed.*flag;
    kinds += drawn.timed.*flag ? 1 : 0;
  }
  // All timed kinds together are as frequent as a single kind would be.
  drawn.fault_every = random.between(1'000'000, 8'000'000) * std::max<std::int64_t>(1, kinds);
  return drawn;
}

void storage_fault_rates::remove(const storage_fault_set& kinds) {
  for (auto& kind : rated)
    if (kinds.*kind.flag)
      this->*kind.rate = 0;
  for (auto flag : timed_kinds)
    if (kinds.*flag)
      timed.*flag = false;
}

std::string storage_fault_rates::describe() const {
  std::string out;
  auto add = [&out](std::string_view text) {
    out += out.empty() ? "" : ", ";
    out += text;
  };
  for (auto& kind : rated)
    if (this->*kind.rate > 0)
      add(fmt::format("{} {:.4f}", kind.words, this->*kind.rate));
  auto any_timed = false;
  for (auto& known : names)
    if (timed.*known.flag) {
      any_timed = true;
      add(known.name);
    }
  if (any_timed)
    out += fmt::format(", one of each such kind in {} ms", fault_every / 1000);
  return out.empty() ? "none" : out;
}

} // namespace atl::sim
