#include "balancer_avoidance.hpp"

#include "member_lists.hpp"
#include "recorder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>
#include <vector>

namespace atl::verify {

namespace {

using std::chrono::microseconds;

constexpr std::size_t size = 5;
constexpr std::size_t soon = 300 * size;
constexpr std::size_t measured = 400 * size; ///< of each of the two measurements
constexpr std::size_t reorder_every = 10;
constexpr double gap_mean = 400;      ///< microseconds between two requests
constexpr double service_mean = 1000; ///< microseconds that a request takes

/// A pool whose members answer after a while; one of them is ill.
class ill_pool {
 public:
  ill_pool(const properties::balancer_maker& make, std::uint64_t seed, ailment what)
      : random_{seed}, balancer_{make(random_.next())}, what_{what}, all_{equals(size)},
        ill_{1 + random_.below(size)} {
    balancer_.use(all_);
  }

  /// Sends a request. @returns whether it went to the ill member
  bool send() {
    balancer_.advance(microseconds{static_cast<std::int64_t>(exponential(gap_mean))});
    take_answers();
    balancer_.use(all_);
    auto picked = balancer_.pick(random_.next());
    if (picked >= all_.size())
      throw broken(fmt::format("it picked slot {} of {}", picked, all_.size()));
    auto& member = all_[picked];
    ++member.in_flight;
    auto latency = draw_latency(member.id);
    answers_.push({balancer_.now() + latency, latency, member.id});
    for (auto who : balancer_.wanted_probes(3))
      if (who < all_.size())
        balancer_.on_probe(who, {all_[who].in_flight, probed_latency(all_[who].id)});
    return member.id == ill_;
  }

  void reorder() { shuffle(all_, random_); }

 private:
  struct answer {
    spi::timestamp at;
    microseconds latency;
    std::uint64_t id;
    bool operator<(const answer& other) const { return at > other.at; } // the soonest on top
  };

  double exponential(double mean) { return -std::log(1 - random_.unit()) * mean; }

  bool is_slow(std::uint64_t id) const { return id == ill_ && what_ == ailment::slow; }
  bool is_failing(std::uint64_t id) const { return id == ill_ && what_ == ailment::failing; }

  /// A failure is quick: such a member looks like the best one to those who ask for time only.
  microseconds draw_latency(std::uint64_t id) {
    auto mean = service_mean * (is_slow(id) ? 10 : is_failing(id) ? 0.1 : 1);
    return microseconds{static_cast<std::int64_t>(mean * (0.5 + random_.unit()))};
  }

  microseconds probed_latency(std::uint64_t id) const {
    return is_failing(id) ? microseconds{0}
                          : microseconds{static_cast<int>(service_mean) * (is_slow(id) ? 10 : 1)};
  }

  void take_answers() {
    while (!answers_.empty() && answers_.top().at <= balancer_.now()) {
      auto [at, latency, id] = answers_.top();
      answers_.pop();
      auto who = static_cast<spi::slot>(
          std::find_if(all_.begin(), all_.end(), [&](auto& each) { return each.id == id; }) -
          all_.begin());
      auto& member = all_[who];
      --member.in_flight;
      member.reported_in_flight = member.in_flight;
      auto ok = !is_failing(id);
      auto took = static_cast<float>(latency.count());
      if (ok)
        member.latency = member.latency == 0 ? took : 0.9F * member.latency + 0.1F * took;
      balancer_.use(all_);
      balancer_.observe(who, {ok, latency});
    }
  }

  spi::random_source random_;
  properties::balancer_driver balancer_;
  ailment what_;
  member_list all_;
  std::uint64_t ill_;
  std::priority_queue<answer> answers_;
};

} // namespace

properties::finding avoids(const properties::balancer_maker& make, std::uint64_t seed,
                           ailment what) {
  ill_pool pool{make, seed, what};
  auto name = what == ailment::slow ? "answers ten times slower than the others" : "fails";
  for (std::size_t request = 0; request < soon; ++request)
    pool.send();
  for (auto reorders : {false, true}) {
    std::size_t ill = 0;
    for (std::size_t request = 0; request < measured; ++request) {
      if (reorders && request % reorder_every == 0)
        pool.reorder();
      ill += pool.send();
    }
    if (2 * ill * size >= measured)
      return fmt::format(
          "still gives {} of {} requests to the one of {} members that {}{}", ill, measured, size,
          name, reorders ? ", when the list is told in another order every few picks" : "");
  }
  return std::nullopt;
}

} // namespace atl::verify
