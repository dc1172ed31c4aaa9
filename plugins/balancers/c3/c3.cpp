#include "../common/score_board.hpp"
#include "../common/vector_clones.hpp"
#include "../common/weights.hpp"
#include "recent_picks.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

namespace {

using namespace atl::spi;
using atl::balancers::score_board;
using atl::balancers::to_float;

/// The member with the least score R − 1/µ + q̂³/µ: R its latency, 1/µ its service time, q̂ its
/// expected queue, whose cube keeps hosts away from long queues at fast members.
class c3 final : public balancer {
 public:
  explicit c3(const balancer_setup& setup)
      : hosts_{static_cast<float>(setup.options.integer("hosts"))},
        recent_{timestamp{setup.options.integer("forget_after")}}, random_{setup.seed} {}

  void update(std::span<const member> members) override {
    board_.update(members);
    recent_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    recent_.forget(request.now);
    measure(request, facts);
    auto who = board_.pick(random_);
    if (who != no_slot)
      recent_.add(who, request.now);
    return who;
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    recent_.forget(request.now);
    measure(request, facts);
    auto filled = board_.pick_many(picks, random_);
    for (auto who : picks.first(filled))
      recent_.add(who, request.now);
    return filled;
  }

 private:
  /// The mean of the known latencies; 1 if none is known.
  ATOLL_INLINE static float mean_latency(std::span<const float> latencies) {
    using four [[gnu::vector_size(16)]] = float; // which are added at a time
    constexpr std::size_t sums_count = 4;        // and so many don't wait for each other
    constexpr std::size_t step = 4 * sums_count;
    four sums[sums_count] = {}, counts[sums_count] = {};
    std::size_t i = 0;
    for (; i + step <= latencies.size(); i += step)
      for (std::size_t j = 0; j < sums_count; ++j) {
        four part;
        std::memcpy(&part, &latencies[i + 4 * j], sizeof part);
        sums[j] += part;
        counts[j] += part > 0 ? four{1, 1, 1, 1} : four{};
      }
    auto four_sums = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    auto four_counts = (counts[0] + counts[1]) + (counts[2] + counts[3]);
    auto sum = (four_sums[0] + four_sums[1]) + (four_sums[2] + four_sums[3]);
    auto count = (four_counts[0] + four_counts[1]) + (four_counts[2] + four_counts[3]);
    for (; i < latencies.size(); ++i) {
      sum += latencies[i];
      count += latencies[i] > 0 ? 1.0F : 0.0F;
    }
    return count > 0 ? sum / count : 1;
  }

  /// Members don't report service times: a request that shared its member with q others is taken to
  /// have waited for each of them.
  ATOLL_VECTOR_CLONES void measure(const pick_request& request, const member_facts& facts) {
    board_.measure(request, facts,
                   [hosts = hosts_, mean = mean_latency(facts.latency),
                    latencies = facts.latency.data(), own = facts.in_flight.data(),
                    reports = facts.reported_in_flight.data(),
                    remembered = recent_.remembered()](std::size_t who) {
                     auto known = remembered[who] * latencies[who];
                     auto latency = known > 0 ? known : mean;
                     auto reported = to_float(reports[who]);
                     auto service_time = latency / (1 + reported);
                     auto queue = 1 + hosts * to_float(own[who]) + reported;
                     return score_board::to_score(latency - service_time +
                                                  queue * queue * queue * service_time);
                   });
  }

  float hosts_;
  atl::balancers::recent_picks recent_;
  score_board board_{atl::balancers::ties::alike};
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"avoids", "slow"}};

constexpr option_spec declared[] = {
    {"hosts", option_type::integer, "1", "1", "100000",
     "Hosts that send to these members: each takes its own requests in flight times this"},
    {"forget_after", option_type::duration, "10s", "0s", "24h",
     "A member without a request for so long is judged like an average one; 0s: never"},
};

} // namespace

ATOLL_PLUGIN(balancer, c3, 1, 0, 0){
    .summary = "Replica ranking of C3: latency and the cube of the expected queue",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new c3{setup}; },
};
