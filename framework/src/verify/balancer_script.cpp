#include "balancer_script.hpp"

#include "member_lists.hpp"

#include <chrono>
#include <limits>

namespace atl::properties {

namespace {

/// Sometimes not known, and sometimes longer than a host would wait.
std::chrono::microseconds draw_latency(spi::random_source& random) {
  if (random.chance(0.1))
    return std::chrono::microseconds{0};
  if (random.chance(0.1))
    return std::chrono::hours{24 * 365};
  return std::chrono::microseconds{random.below(9999)};
}

std::uint32_t draw_in_flight(spi::random_source& random) {
  return random.chance(0.1) ? std::numeric_limits<std::uint32_t>::max()
                            : static_cast<std::uint32_t>(random.below(100));
}

spi::probe_result draw_probe_result(spi::random_source& random) {
  auto in_flight = draw_in_flight(random);
  return {in_flight, draw_latency(random)};
}

} // namespace

void balancer_script::change() {
  if (random_.chance(0.2)) {
    auto size = random_.below(bounds_.size_max + 1);
    all_ = verify::random_members(random_, size, random_.below(bounds_.domains_max + 1), true);
  } else if (random_.chance(0.1)) {
    verify::shuffle(all_, random_);
  } else if (random_.chance(0.1)) {
    for (auto& member : all_)
      member.weight = verify::random_weight(random_, true);
  }
  verify::draw_facts(random_, all_, true);
  for (auto& member : all_)
    if (random_.chance(0.1))
      member.available = !member.available;
}

slot_list balancer_script::draw_tried() {
  slot_list tried;
  if (random_.chance(0.5))
    return tried;
  auto all_were = random_.chance(0.05);
  for (spi::slot who = 0; who < all_.size(); ++who)
    if (all_were || random_.chance(0.2))
      tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(random_.below(tried.size() + 1)),
                   who);
  return tried;
}

void balancer_script::report_to(std::initializer_list<balancer_driver*> balancers) {
  if (all_.empty())
    return;
  auto who = static_cast<spi::slot>(random_.below(all_.size()));
  auto ok = random_.chance(0.8);
  spi::outcome result{ok, draw_latency(random_)};
  auto answer = draw_probe_result(random_);
  auto is_probe = random_.chance(0.3);
  for (auto* balancer : balancers)
    if (is_probe)
      balancer->on_probe(who, answer);
    else
      balancer->observe(who, result);
}

void balancer_script::answer_probe(balancer_driver& balancer, spi::slot who) {
  balancer.on_probe(who, draw_probe_result(random_));
}

} // namespace atl::properties
