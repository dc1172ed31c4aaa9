#include "balancer_driver.hpp"

#include "recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::properties {

namespace {

constexpr std::chrono::microseconds between_picks{100};

/// Places after those that a balancer may fill, to see whether it writes there.
constexpr std::size_t guard_size = 8;
constexpr spi::slot guard = 0xdead'beef;

spi::member told(const listed_member& made) {
  return {made.id, made.domain, made.weight, made.capacity};
}

} // namespace

balancer_driver::balancer_driver(std::unique_ptr<spi::balancer> balancer)
    : balancer_{std::move(balancer)} {
  if (!balancer_)
    throw verify::broken("its factory creates nothing");
}

bool balancer_driver::is_told(const member_list& members) const {
  return std::equal(members.begin(), members.end(), members_.begin(), members_.end(),
                    [](const listed_member& made, const spi::member& known) {
                      return made.id == known.id && made.domain == known.domain &&
                             made.weight == known.weight && made.capacity == known.capacity;
                    });
}

void balancer_driver::use(const member_list& members) {
  auto size = members.size();
  for (auto* numbers : {&domain_, &in_flight_, &reported_in_flight_})
    numbers->resize(size);
  available_.resize(size);
  latency_.resize(size);
  free_bytes_.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    auto& made = members[i];
    domain_[i] = made.domain;
    in_flight_[i] = made.in_flight;
    reported_in_flight_[i] = made.reported_in_flight;
    available_[i] = made.available;
    latency_[i] = made.latency;
    free_bytes_[i] = made.free_bytes;
  }
  if (std::exchange(is_updated_, true) && is_told(members))
    return;
  members_.clear();
  std::transform(members.begin(), members.end(), std::back_inserter(members_), told);
  balancer_->update(members_);
}

spi::member_facts balancer_driver::facts() const {
  return {available_, domain_, in_flight_, reported_in_flight_, latency_, free_bytes_};
}

spi::slot balancer_driver::pick(std::uint64_t key, std::span<const spi::slot> tried) {
  now_ += between_picks;
  return balancer_->pick({key, now_, tried}, facts());
}

std::size_t balancer_driver::fill(std::span<spi::slot> places, std::uint64_t key,
                                  std::span<const spi::slot> tried) {
  now_ += between_picks;
  return balancer_->pick_many({key, now_, tried}, facts(), places);
}

slot_list balancer_driver::pick_many(std::size_t count, std::uint64_t key,
                                     std::span<const spi::slot> tried) {
  return filled(count, "pick_many",
                [&](std::span<spi::slot> places) { return fill(places, key, tried); });
}

void balancer_driver::observe(spi::slot who, const spi::outcome& result) {
  balancer_->observe(who, result, now_);
}

slot_list balancer_driver::wanted_probes(std::size_t room) {
  return filled(room, "wanted_probes", [&](std::span<spi::slot> places) {
    return balancer_->wanted_probes(now_, facts(), places);
  });
}

void balancer_driver::on_probe(spi::slot who, const spi::probe_result& result) {
  balancer_->on_probe(who, result, now_);
}

slot_list balancer_driver::filled(std::size_t room, const char* function,
                                  const std::function<std::size_t(std::span<spi::slot>)>& fill) {
  slot_list places(room + guard_size, guard);
  auto count = fill(std::span{places}.first(room));
  if (count > room)
    throw verify::broken(
        fmt::format("{} says that it filled {} places, where there are {}", function, count, room));
  if (std::any_of(places.begin() + static_cast<std::ptrdiff_t>(room), places.end(),
                  [](auto place) { return place != guard; }))
    throw verify::broken(
        fmt::format("{} writes beyond the {} places that it was given", function, room));
  places.resize(count);
  return places;
}

} // namespace atl::properties
