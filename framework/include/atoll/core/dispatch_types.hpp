#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/outlier_detector.hpp>
#include <atoll/core/request_queue.hpp>
#include <atoll/core/retry_budget.hpp>
#include <atoll/spi/timestamp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What goes into a `request_dispatcher`, and what comes out of it.
namespace atl {

struct dispatch_options {
  /// Requests that one worker works on at once; further ones wait in the queue. At least 1.
  std::uint32_t worker_requests_max = 128;
  request_queue_options queue{};
  std::uint64_t request_bytes_max = 8 << 20;

  std::uint32_t retries_max = 2; ///< of one request
  retry_budget_options budget{}; ///< of retries and hedges together
  /// An attempt without an answer for so long has failed; 0: only the request's deadline ends it.
  std::chrono::microseconds attempt_timeout{0};
  /// A repeatable request whose worker is silent for so long is sent to a second worker as well,
  /// and the first answer counts (hedged requests: Dean & Barroso, *The Tail at Scale*, 2013). A
  /// worker is silent while it neither answers nor makes progress
  /// (`request_dispatcher::on_progress`). 0: never.
  std::chrono::microseconds hedge_after{0};
  /// Instead of `hedge_after`: the longest silence of this part of the attempts that were answered
  /// lately, for example 0.95; until a hundred were answered, there are no hedges. 0: not used.
  double hedge_quantile = 0;
  /// With `hedge_quantile`: a hedge comes after so many times the quantile.
  double hedge_factor = 1;
  /// With `hedge_quantile`: no hedge comes sooner than this, and until the quantile is known hedges
  /// come after this. 0: not used.
  std::chrono::microseconds hedge_floor{0};
  /// An attempt that was given up keeps its worker's place until the worker answers, at most for
  /// so long. So a worker that hangs isn't sent more and more requests.
  std::chrono::microseconds abandoned_max{std::chrono::seconds{30}};
  /// A worker that refuses a request as `busy` gets no other one for so long, so that one that
  /// refuses fast doesn't draw the requests. 0: it gets others at once.
  std::chrono::microseconds busy_pause{std::chrono::milliseconds{5}};

  outlier_options outliers{};
  std::chrono::microseconds slow_start{0}; ///< as in `pool_options`
  std::string local_domain{};              ///< as in `pool_options`
  std::uint64_t seed = 0;
};

inline constexpr auto no_deadline = spi::timestamp::max();

struct dispatch_request {
  /// What the request is about, for balancers that keep a key with a worker.
  std::uint64_t key = 0;
  spi::timestamp deadline = no_deadline;
  /// May it be done twice without harm? Otherwise it is repeated only if it surely wasn't done.
  bool repeatable = false;
  std::uint64_t bytes = 0; ///< of its message
  /// The workers that may do it; empty: all. While these are full it waits, and younger requests
  /// that may go elsewhere don't wait for it.
  std::vector<std::uint64_t> among{};
  /// A hedge comes no sooner than this, if there are hedges: for a request that takes longer than
  /// others because of its size.
  std::chrono::microseconds hedge_floor{0};
  /// With `among`: if no healthy worker is left for a hedge, it goes to one that is ejected or
  /// unavailable. For hosts that can send to such a worker, and whose news of it may be old.
  bool may_hedge_anywhere = false;
};

/// Why an attempt failed, by what its caller may do then.
enum class attempt_failure : std::uint8_t {
  not_delivered, ///< the worker can't be reached; it has done nothing
  busy,          ///< the worker refused, and has done nothing; this says nothing against it
  failed,        ///< the worker failed, or says nothing: it may have done the work
};

// -- effects: what the host is to do, in this order ---------------------------------------------

/// Sends a request to a worker. Ends with `on_answer` or `on_failure`, or when the worker is lost.
struct send_attempt {
  std::uint64_t attempt = 0; ///< from 1, never used twice
  std::uint64_t request = 0;
  std::uint64_t worker = 0;
  spi::timestamp deadline = no_deadline;
};
/// The answer to an attempt isn't wanted any more. The host still reports the attempt's end.
struct cancel_attempt {
  std::uint64_t attempt = 0;
  std::uint64_t worker = 0;
};
/// A request has ended. Comes exactly once for each request that was not cancelled.
struct complete_request {
  std::uint64_t request = 0;
  std::uint64_t attempt = 0; ///< whose answer is the request's; 0: none, then `problem` is set
  std::optional<error> problem{};
  bool in_doubt = false; ///< with a problem: a worker may have done the work
};
using dispatch_effect = std::variant<send_attempt, cancel_attempt, complete_request>;

// -- views --------------------------------------------------------------------------------------

/// Counters since the dispatcher was made.
struct dispatch_counters {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;    ///< completed with an error of any kind, those below included
  std::uint64_t timed_out = 0; ///< deadline passed, also before they came
  std::uint64_t rejected = 0;  ///< by the overflow policy
  std::uint64_t cancelled = 0; ///< by their requesters
  std::uint64_t attempts = 0;
  std::uint64_t retries = 0;
  std::uint64_t hedges = 0;
  std::uint64_t hedges_won = 0;         ///< the hedge was answered first
  std::uint64_t budget_denied = 0;      ///< retries and hedges that the budget did not allow
  std::uint64_t late_answers = 0;       ///< to attempts that were given up
  std::chrono::microseconds latency{0}; ///< of the attempts whose answers counted, summed up
};

struct dispatch_load {
  std::size_t workers = 0;
  std::size_t available = 0; ///< workers that take requests, ejected ones included
  std::size_t ejected = 0;
  std::size_t full = 0;      ///< available workers without a free place, or that refused just now
  std::size_t requests = 0;  ///< accepted and not completed
  std::size_t in_flight = 0; ///< attempts at workers, those that were given up included
  std::size_t queued = 0;
  std::uint64_t queued_bytes = 0;
  double budget_left = 0;           ///< retries and hedges that may be made at once
  std::chrono::microseconds p50{0}; ///< of the latencies of answered attempts lately; 0: not known
  std::chrono::microseconds p99{0};
};

struct worker_load {
  std::uint64_t id = 0;
  bool available = false;
  bool ejected = false;
  std::uint32_t in_flight = 0; ///< attempts that were given up included
  float latency_us = 0;        ///< moving average; 0: not known
};

} // namespace atl
