#pragma once

#include "pool_fixture.hpp"

#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <vector>

/// A queueing system that balancers dispatch for: requests arrive at random, each member serves
/// one after the other. Decided by the seed alone.
namespace balancer_test {

struct queue_setup {
  /// Mean service time of each member in microseconds; service times are exponential.
  std::vector<double> service;
  double load = 0.9; ///< arrivals per time in relation to what all members can serve; below 1
  std::size_t requests = 200'000; ///< that are measured
  std::size_t warm_up = 20'000;   ///< requests before that, which are not measured
  std::uint64_t seed = 1;
  /// A factor of the service time of a request whose service begins now.
  std::function<double(slot, spi::timestamp)> slowdown = [](slot, spi::timestamp) { return 1.0; };
  /// Whether a request that this member has served failed.
  std::function<bool(slot, spi::timestamp)> fails = [](slot, spi::timestamp) { return false; };
  bool probes = false;  ///< the hosts send the probes that are wanted, which take no time
  bool reports = false; ///< answers tell the member's requests in flight, of all hosts
};

struct queue_result {
  std::vector<double> times;           ///< from arrival to answer in microseconds, ascending
  std::vector<std::uint64_t> requests; ///< measured ones, by member
  std::uint64_t refused = 0;           ///< measured requests for which no member was picked

  double mean() const {
    double sum = 0;
    for (auto time : times)
      sum += time;
    return sum / static_cast<double>(times.size());
  }

  double quantile(double part) const {
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
  }

  double share(slot who) const {
    return static_cast<double>(requests[who]) / static_cast<double>(times.size());
  }
};

class queue_model {
 public:
  /// @param pool members of the same number as service times; each host has its own copy
  /// @param hosts the balancers of hosts that dispatch to the same members; a request arrives at
  ///        a host at random
  queue_model(const queue_setup& setup, const pool_fixture& pool,
              std::span<spi::balancer* const> hosts)
      : setup_{setup}, balancers_(hosts.begin(), hosts.end()), pools_(hosts.size(), pool),
        free_at_(pool.size()), in_flight_(pool.size()), random_{setup.seed} {
    for (std::size_t host = 0; host < hosts.size(); ++host)
      pools_[host].update(*hosts[host]);
    result_.requests.resize(pool.size());
  }

  queue_result run() {
    double served_per_us = 0;
    for (auto service : setup_.service)
      served_per_us += 1 / service;
    auto gap = 1 / (setup_.load * served_per_us);
    auto all = setup_.warm_up + setup_.requests;
    for (std::size_t request = 0; request < all; ++request) {
      now_ += exponential(gap);
      answer_until(now_);
      arrive(request >= setup_.warm_up);
    }
    std::sort(result_.times.begin(), result_.times.end());
    return std::move(result_);
  }

 private:
  struct answer {
    double at;
    double sent;
    std::size_t host;
    slot who;

    bool operator>(const answer& other) const { return at > other.at; }
  };

  static std::chrono::microseconds rounded(double us) {
    return std::chrono::microseconds{std::llround(us)};
  }

  double exponential(double mean) { return -mean * std::log1p(-random_.unit()); }

  void arrive(bool measured) {
    auto host = static_cast<std::size_t>(random_.below(balancers_.size()));
    auto& pool = pools_[host];
    pool.now = rounded(now_);
    auto who = pool.pick(*balancers_[host], random_.next());
    if (setup_.probes)
      probe(host);
    if (who == no_slot) {
      result_.refused += measured;
      return;
    }
    auto begins = std::max(now_, free_at_[who]);
    auto ends = begins + exponential(setup_.service[who]) * setup_.slowdown(who, rounded(begins));
    free_at_[who] = ends;
    ++in_flight_[who];
    ++pool.in_flight[who];
    answers_.push({ends, now_, host, who});
    if (measured) {
      result_.times.push_back(ends - now_);
      ++result_.requests[who];
    }
  }

  void answer_until(double until) {
    while (!answers_.empty() && answers_.top().at <= until) {
      auto [at, sent, host, who] = answers_.top();
      answers_.pop();
      auto& pool = pools_[host];
      --in_flight_[who];
      --pool.in_flight[who];
      if (setup_.reports)
        pool.reported_in_flight[who] = in_flight_[who];
      auto took = rounded(at - sent);
      auto ok = !setup_.fails(who, rounded(at));
      if (ok)
        average(pool.latency[who], static_cast<float>(at - sent));
      balancers_[host]->observe(who, {ok, took}, rounded(at));
    }
  }

  /// The moving average of a host.
  static void average(float& latency, float sample) {
    constexpr float part = 0.1F;
    latency = latency == 0 ? sample : latency + part * (sample - latency);
  }

  void probe(std::size_t host) {
    std::array<slot, 16> whom{};
    auto& pool = pools_[host];
    auto count = balancers_[host]->wanted_probes(pool.now, pool.facts(), whom);
    for (std::size_t i = 0; i < std::min(count, whom.size()); ++i) {
      auto who = whom[i];
      auto latency = setup_.service[who] * setup_.slowdown(who, pool.now) * (in_flight_[who] + 1);
      balancers_[host]->on_probe(who, {in_flight_[who], rounded(latency)}, pool.now);
    }
  }

  const queue_setup& setup_;
  std::vector<spi::balancer*> balancers_;
  std::vector<pool_fixture> pools_; ///< by host
  std::vector<double> free_at_;     ///< by member: when it has served all requests so far
  std::vector<std::uint32_t> in_flight_;
  std::priority_queue<answer, std::vector<answer>, std::greater<>> answers_;
  spi::random_source random_;
  double now_ = 0;
  queue_result result_;
};

/// One host that dispatches to `pool`.
inline queue_result run_queue(const queue_setup& setup, const pool_fixture& pool,
                              spi::balancer& balancer) {
  spi::balancer* hosts[] = {&balancer};
  return queue_model{setup, pool, hosts}.run();
}

/// One host that dispatches to members of weight 1.
inline queue_result run_queue(const queue_setup& setup, spi::balancer& balancer) {
  return run_queue(setup, pool_fixture{setup.service.size()}, balancer);
}

} // namespace balancer_test
