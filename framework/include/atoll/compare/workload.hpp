#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Balancers side by side: a queueing simulation that runs the plugins of a cluster, formulas to
/// hold its results against, and the availability of replicated logs.
namespace atl::compare {

/// A period of simulated time in microseconds since the start: [`from`, `to`).
struct interval {
  double from = 0;
  double to = 0;
};

enum class arrival_process : std::uint8_t {
  poisson,  ///< independent arrivals at a constant rate
  bursts,   ///< Poisson arrivals that are switched on and off for exponential times
  recorded, ///< at given times
};

struct arrival_model {
  arrival_process process = arrival_process::poisson;
  double rate = 0;           ///< requests per microsecond on average; derived for `recorded`
  double on = 0;             ///< mean length of a burst in microseconds
  double off = 0;            ///< mean length of a pause between bursts in microseconds
  std::vector<double> times; ///< of `recorded`: microseconds from the first request, ascending
};

enum class service_distribution : std::uint8_t {
  constant,
  exponential,
  pareto,
  lognormal,
  recorded
};

/// How much work a request is: the time in microseconds that it takes on a free server of normal
/// speed.
struct service_model {
  service_distribution distribution = service_distribution::exponential;
  double mean = 0;    ///< derived for `recorded`
  double shape = 0;   ///< of the Pareto distribution, above 1: the smaller, the heavier its tail
  double maximum = 0; ///< bound of the Pareto distribution
  double sigma = 0;   ///< of the logarithm, of the lognormal distribution
  std::vector<double> times; ///< of `recorded`: drawn from with equal probability
};

/// Which keys requests are about. The key of rank i, from 1, has a probability in proportion to
/// i^-`zipf`; 0: all alike.
struct key_model {
  std::uint64_t count = 1;
  double zipf = 0;
};

enum class queue_discipline : std::uint8_t {
  fifo,    ///< requests wait for a free server in the order in which they came
  sharing, ///< all requests are worked on at once and share the servers equally
};

/// A process on the machine of a member that takes its processor: now and then the member's speed
/// is drawn again.
struct antagonist_model {
  double stretch = 1; ///< how many times longer requests take at most; 1: no antagonist
  double share = 0;   ///< probability that a draw is of a stretch from 1 to `stretch`, not 1
  double period = 0;  ///< mean time between two draws in microseconds
};

/// One member of the pool.
struct member_model {
  std::string domain; ///< failure domain; empty: a domain of its own
  double weight = 1;  ///< for the balancer
  std::uint32_t servers = 1;
  queue_discipline discipline = queue_discipline::fifo;
  double slow = 1;             ///< how many times longer requests take
  double fails = 0;            ///< probability that a request fails, which is answered at once
  std::uint32_t queue_max = 0; ///< requests at the member, beyond which it rejects; 0: no bound
  antagonist_model antagonist;
  double joins = 0;             ///< microseconds since the start; 0: a member from the beginning
  double leaves = 0;            ///< likewise; 0: never
  std::vector<interval> paused; ///< does nothing; requests wait
  std::vector<interval> down;   ///< all requests fail at once
};

/// What happens to a pool: requests, the members that serve them, and how the pool's owner works.
struct workload {
  std::string name; ///< for people
  std::uint64_t requests = 0;
  double warmup = 0;           ///< share of the requests that are served first and not counted
  std::uint32_t hosts = 1;     ///< owners of a pool, each with a balancer of its own
  std::uint32_t tries_max = 1; ///< members that a request goes to at most, one after the other
  double probe_delay = 0;      ///< microseconds between a probe and its answer
  bool has_reports = true;     ///< each answer tells its host how many requests the member has
  double detection = 0;        ///< microseconds until hosts know that a member is down, or back
  std::uint32_t eject_failures = 0; ///< see `outlier_options::failures`; 0: no member is ejected
  double ejection = 0;              ///< microseconds, see `outlier_options::ejection`
  double slow_start = 0;            ///< microseconds, see `pool_options::slow_start`
  arrival_model arrivals;
  service_model service;
  key_model keys;
  std::vector<member_model> members;

  /// Requests per microsecond that the members of the beginning serve without antagonists.
  double capacity() const;
  /// Arrival rate in relation to `capacity`.
  double load() const { return arrivals.rate / capacity(); }
};

/// Limits of a workload, beyond which a run would take more memory or time than makes sense.
inline constexpr std::uint64_t requests_max = 20'000'000;
inline constexpr std::uint64_t keys_max = 1'000'000;
inline constexpr std::size_t workload_members_max = 10'000;
/// Changes of antagonists, expected in all, until the last request arrives.
inline constexpr double antagonist_changes_max = 100e6;

/// Reads a workload from a TOML file; docs/COMPARING.md lists its keys. The error names all that is
/// wrong, a line each, with `file:line:column`. Recorded times are read from further files, which
/// are named relative to this one.
result<workload> load_workload(const std::filesystem::path& file);

/// Reads a text as if it stood in `file`.
result<workload> parse_workload(std::string_view text, const std::filesystem::path& file);

} // namespace atl::compare
