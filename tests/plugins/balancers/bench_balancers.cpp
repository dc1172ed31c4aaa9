#include "benchmark/table.hpp"
#include "plugin_maker.hpp"
#include "pool_fixture.hpp"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

/// Each strategy, and what its picks are compared with.
// clang-format off
#define ATOLL_STRATEGIES(each)     \
  each(adaptive, increment)        \
  each(c3, increment)              \
  each(copyset, increment)         \
  each(least_loaded, increment)    \
  each(least_used, increment)      \
  each(maglev, hash)               \
  each(peak_ewma, increment)       \
  each(power_of_two, increment)    \
  each(prequal, increment)         \
  each(random, increment)          \
  each(rendezvous, hash)           \
  each(ring, hash)                 \
  each(round_robin, increment)     \
  each(weighted, increment)        \
  each(weighted_random, increment)
// clang-format on

#define ATOLL_STRATEGY(name, compared_with)                                                        \
  extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, name, 1, 0, 0);
ATOLL_STRATEGIES(ATOLL_STRATEGY)
#undef ATOLL_STRATEGY

namespace {

using namespace balancer_test;
using namespace std::chrono;

/// What a pick is compared with.
enum class baseline { increment, hash };

struct strategy {
  const spi::descriptor& plugin;
  baseline compared_with;
};

const strategy strategies[] = {
#define ATOLL_STRATEGY(name, compared_with)                                                        \
  {ATOLL_PLUGIN_SYMBOL(balancer, name, 1, 0, 0), baseline::compared_with},
    ATOLL_STRATEGIES(ATOLL_STRATEGY)
#undef ATOLL_STRATEGY
};

/// Keeps the compiler from leaving out the calculation of a value.
template <class T>
void use(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// Nanoseconds of one `call(i)`: the median of some measurements in `seconds`.
template <class Call>
double nanoseconds_of(double seconds, Call&& call) {
  constexpr std::size_t measurements = 9;
  std::uint64_t i = 0;
  auto timed = [&](std::uint64_t calls) {
    auto began = steady_clock::now();
    for (std::uint64_t end = i + calls; i < end; ++i)
      call(i);
    return duration<double, std::nano>(steady_clock::now() - began).count();
  };
  std::uint64_t calls = 16;
  while (timed(calls) < seconds * 1e9 / measurements / 2)
    calls *= 2;
  std::vector<double> times;
  while (times.size() < measurements)
    times.push_back(timed(calls) / static_cast<double>(calls));
  std::nth_element(times.begin(), times.begin() + measurements / 2, times.end());
  return times[measurements / 2];
}

/// Different keys, as requests have them.
std::uint64_t key_of(std::uint64_t request) {
  return request * 0x9e3779b97f4a7c15;
}

double increment_ns(double seconds, std::size_t members) {
  std::size_t next = 0;
  return nanoseconds_of(seconds, [&](auto) {
    next = next + 1 == members ? 0 : next + 1;
    use(next);
  });
}

double hash_ns(double seconds) {
  return nanoseconds_of(seconds, [](auto request) {
    char bytes[sizeof(std::uint64_t)];
    auto key = key_of(request);
    std::memcpy(bytes, &key, sizeof bytes);
    use(std::hash<std::string_view>{}({bytes, sizeof bytes}));
  });
}

/// Members of weights 1 … 7 in ten racks, or in as many as there are members, with some load.
pool_fixture members(std::size_t size) {
  pool_fixture pool{size};
  spi::random_source random{1};
  for (std::size_t i = 0; i < size; ++i) {
    pool.members[i].weight = static_cast<double>(1 + i % 7);
    pool.members[i].domain = static_cast<std::uint32_t>(i % 10);
    pool.members[i].capacity = 1 << 20;
    pool.free_bytes[i] = random.below(1 << 20);
    pool.in_flight[i] = static_cast<std::uint32_t>(random.below(4));
    pool.latency[i] = static_cast<float>(500 + random.below(1000));
  }
  return pool;
}

/// Answers the probes that a balancer asks for after a pick. @returns how many it asked for
std::size_t answer_probes(spi::balancer& balancer, const pool_fixture& pool,
                          const spi::member_facts& facts, spi::timestamp now) {
  slot whom[8];
  auto wanted = balancer.wanted_probes(now, facts, whom);
  for (auto who : std::span{whom}.first(wanted))
    balancer.on_probe(who, {pool.in_flight[who], microseconds{static_cast<int>(pool.latency[who])}},
                      now);
  return wanted;
}

void measure(const strategy& each, std::size_t size, double seconds, double baseline_ns,
             const std::string& baseline_name, figures& all) {
  auto balancer = maker(each.plugin)(1);
  auto pool = members(size);
  pool.update(*balancer);
  for (slot who = 0; who < size; ++who)
    balancer->observe(who, {true, microseconds{static_cast<int>(pool.latency[who])}}, pool.now);
  auto facts = pool.facts();
  auto request = [](std::uint64_t i) {
    return spi::pick_request{.key = key_of(i), .now = microseconds{i}};
  };
  auto name = std::string{each.plugin.name} + ", " + std::to_string(size) + " members, ";
  auto pick =
      nanoseconds_of(seconds, [&](std::uint64_t i) { use(balancer->pick(request(i), facts)); });
  all.add(name + "pick", pick, "ns", pick / baseline_ns, baseline_name);
  slot picks[3];
  auto three = nanoseconds_of(
      seconds, [&](std::uint64_t i) { use(balancer->pick_many(request(i), facts, picks)); });
  all.add(name + "pick_many(3)", three, "ns", three / baseline_ns, baseline_name);
  if (answer_probes(*balancer, pool, facts, request(0).now) == 0)
    return;
  auto with_probes = nanoseconds_of(seconds, [&](std::uint64_t i) {
    use(balancer->pick(request(i), facts));
    answer_probes(*balancer, pool, facts, request(i).now);
  });
  all.add(name + "pick and the probes it asks for", with_probes, "ns", with_probes / baseline_ns,
          baseline_name);
}

} // namespace

/// bench_balancers [--seconds N] [--json FILE]: what a pick costs, beside an index increment, or
/// one hash of a key for strategies that go by keys, measured in the same run.
int main(int argc, char** argv) {
  double seconds = 4;
  std::string json;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view{argv[i]} == "--seconds")
      seconds = std::atof(argv[i + 1]);
    else if (std::string_view{argv[i]} == "--json")
      json = argv[i + 1];
  }
  seconds /= 50; // there are many figures
  figures all;
  for (std::size_t size : {3, 30, 1000, 10'000}) {
    auto increment = increment_ns(seconds, size), hash = hash_ns(seconds);
    all.add("index increment, " + std::to_string(size) + " members", increment, "ns");
    all.add("std::hash of a key, beside " + std::to_string(size) + " members", hash, "ns");
    for (auto& each : strategies) {
      auto hashes = each.compared_with == baseline::hash;
      measure(each, size, seconds, hashes ? hash : increment,
              hashes ? "one std::hash" : "an increment", all);
    }
  }
  if (!json.empty() && !(std::ofstream{json} << all.json() << '\n')) {
    std::fprintf(stderr, "cannot write %s\n", json.c_str());
    return 1;
  }
}
