#pragma once

#include <atoll/core/balanced_pool.hpp>
#include <atoll/core/dispatch_types.hpp>
#include <atoll/core/latency_histogram.hpp>
#include <atoll/core/request_queue.hpp>
#include <atoll/core/retry_budget.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace atl {

/// Decides which worker gets which request when: picks workers by a balancer, lets requests wait
/// in a bounded queue while all workers are full, retries what failed within a budget, hedges what
/// takes long, ejects workers that fail, and holds deadlines. Events go in, effects come out: after
/// each event the host calls `drain` and carries the effects out in their order.
///
/// While no worker is available at all, requests fail at once instead of waiting.
///
/// Pure: the caller passes the time, and calls `advance` when `next_timer` has come. An event takes
/// O(log n) besides the balancer's pick, and O(n) while requests for some workers alone wait. Not
/// thread-safe.
class request_dispatcher {
 public:
  /// @param balancer the dispatcher calls it alone from now on
  /// @param name of the plugin, for messages
  request_dispatcher(std::shared_ptr<spi::balancer> balancer, std::string name,
                     dispatch_options options);

  // -- workers
  /// Replaces the workers. Attempts at a worker that isn't in the list have failed, but keep their
  /// places in case it comes back; a worker that becomes unavailable ends what it works on. Errors:
  /// as `balanced_pool::update`. If the balancer threw, there are no workers until it doesn't:
  /// `advance` tries again once a second.
  status set_workers(std::vector<pool_member> workers, spi::timestamp now);
  /// Whether the worker takes new requests. It ends what it works on in any case.
  void set_available(std::uint64_t worker, bool available, spi::timestamp now);
  /// The worker ended, or the connection to it broke: its attempts have failed, and it takes no
  /// requests until `set_available`. However many attempts fail, this counts as one failure.
  void on_worker_lost(std::uint64_t worker, const std::string& why, spi::timestamp now);

  // -- requests
  /// @returns the request's id, never used twice. It may be complete already: `drain` tells.
  std::uint64_t submit(const dispatch_request& request, spi::timestamp now);
  /// The requester has given up: no `complete_request` comes any more.
  void cancel(std::uint64_t request, spi::timestamp now);
  /// Completes all requests with errc::unavailable, in the order of their arrival. @param why the
  /// error's text
  void close(const std::string& why, spi::timestamp now);

  // -- attempts; unknown ones are ignored
  /// The worker answered; its answer may be an error that isn't the worker's fault.
  void on_answer(std::uint64_t attempt, spi::timestamp now);
  /// The worker shows that it is working on the attempt, for example by a part of the answer: the
  /// time after which the request is hedged begins again.
  void on_progress(std::uint64_t attempt, spi::timestamp now);
  void on_failure(std::uint64_t attempt, attempt_failure how, error problem, spi::timestamp now);
  /// The host has ended an attempt that was given up, and its worker is free again. Counts as a
  /// failure if the worker was silent for at least the time after which a request is hedged.
  void on_cancelled(std::uint64_t attempt, spi::timestamp now);

  // -- probes, for hosts that can probe; as in `balanced_pool`
  std::vector<std::uint64_t> wanted_probes(spi::timestamp now) { return pool_.wanted_probes(now); }
  void on_probe(std::uint64_t worker, const spi::probe_result& result, spi::timestamp now) {
    pool_.on_probe(worker, result, now);
  }

  // -- time
  /// When `advance` is wanted; `no_deadline`: not at all.
  spi::timestamp next_timer() const;
  void advance(spi::timestamp now);

  /// Appends the effects of all events since the last call.
  void drain(std::vector<dispatch_effect>& into);

  // -- views
  const dispatch_counters& counters() const { return counters_; }
  dispatch_load load() const;
  /// By id.
  std::vector<worker_load> workers() const;
  /// None: there is no such worker.
  std::optional<worker_load> find_load(std::uint64_t worker) const;
  /// After which silence such a request would be hedged if it were sent now; 0: never.
  std::chrono::microseconds hedge_delay(const dispatch_request& request);
  /// At which worker the attempt has a place; none: at no worker.
  std::optional<std::uint64_t> worker_of(std::uint64_t attempt) const;
  std::uint64_t plugin_errors() const { return pool_.plugin_errors(); }

 private:
  enum class timer_kind : std::uint8_t { request, attempt, update, ejection_end, busy_pause };
  using timer = std::tuple<spi::timestamp, timer_kind, std::uint64_t>;

  struct request_state {
    dispatch_request what;
    spi::timestamp arrived{0};
    spi::timestamp hedge_at = no_deadline; ///< set only while the first attempt is under way
    spi::timestamp timer_at = no_deadline; ///< of its entry in `timers_`
    std::uint32_t retries = 0;
    bool is_queued = false;
    bool was_hedged = false;
    bool in_doubt = false;                   ///< an attempt that failed may have done the work
    std::array<std::uint64_t, 2> attempts{}; ///< under way: the older one, then its hedge; 0: none
    std::vector<std::uint64_t> tried;        ///< workers
    error last;                              ///< of the last attempt that failed
  };
  struct attempt_state {
    std::uint64_t request = 0; ///< 0: given up
    std::uint64_t worker = 0;
    std::size_t place = 0; ///< in `worker_state::attempts`
    spi::timestamp started{0};
    spi::timestamp timer_at = no_deadline;
    bool is_hedge = false;
    spi::timestamp place_until = no_deadline; ///< of an attempt that was given up
    bool was_counted = false; ///< as a failure of the worker, when it was given up or later
    spi::timestamp overdue_at = no_deadline;      ///< when its worker is silent for too long
    spi::timestamp heard_at{0};                   ///< the start, or the last progress
    std::chrono::microseconds longest_silence{0}; ///< up to `heard_at`
  };
  struct worker_state {
    bool is_available = false;
    bool is_full = false; ///< or refused just now
    spi::timestamp pause_end_at = no_deadline;
    std::vector<std::uint64_t> attempts; ///< given up ones included
  };
  using attempt_map = std::unordered_map<std::uint64_t, attempt_state>;
  enum class sending { sent, no_place, completed };
  /// The workers that may do a request.
  struct places {
    std::size_t workers = 0;
    std::size_t available = 0;
    std::size_t full = 0; ///< of the available ones
  };

  void enter(spi::timestamp now);
  void wait_for_ejections();

  // Workers.
  status update_members(std::vector<pool_member> workers, std::vector<std::uint64_t>& left);
  void admit(const pool_member& member);
  void end_attempts(const std::vector<std::uint64_t>& left, const status& updated);
  void update_again();
  void pause(std::uint64_t id);
  void resume(std::uint64_t id);
  worker_state* find_worker(std::uint64_t id);
  void set_available(std::uint64_t id, bool available);
  void set_state(std::uint64_t id, worker_state& worker, bool is_available);
  void fail_attempts(std::uint64_t id, const error& problem);

  // Requests.
  void place(std::uint64_t id, request_state& request);
  sending send(std::uint64_t id, request_state& request);
  places places_for(const request_state& request) const;
  result<std::optional<std::uint64_t>> pick(const request_state& request);
  result<std::optional<std::uint64_t>> pick_other_than(const std::vector<std::uint64_t>& excluded,
                                                       const request_state& request);
  void enqueue(std::uint64_t id, request_state& request);
  void dequeue(std::uint64_t id, request_state& request);
  void send_queued();
  void fail_over(std::uint64_t id, attempt_failure how, const error& problem);
  void complete(std::uint64_t id, std::uint64_t attempt, std::optional<error> problem);
  void expire(std::uint64_t id);
  void forget(std::uint64_t id, bool at_deadline = false);
  void arm(std::uint64_t id, request_state& request);
  void on_request_timer(std::uint64_t id);
  void hedge(std::uint64_t id, request_state& request);
  std::optional<std::uint64_t> pick_for_hedge(const request_state& request);
  spi::timestamp hedge_time(const request_state& request);

  // Attempts.
  void start(std::uint64_t id, request_state& request, std::uint64_t worker, bool is_hedge);
  attempt_state release(attempt_map::iterator ended);
  void detach(std::uint64_t attempt, std::uint64_t request);
  void abandon(std::uint64_t attempt, bool counts_as_failure);
  void count_failure(attempt_state& state);
  void on_attempt_timer(std::uint64_t id);
  void on_abandoned_timer(attempt_map::iterator abandoned);

  void set_timer(spi::timestamp& armed, timer_kind kind, std::uint64_t id, spi::timestamp at);

  dispatch_options options_;
  balanced_pool pool_;
  retry_budget budget_;
  request_queue queue_;
  latency_histogram latencies_;
  latency_histogram silences_;    ///< the longest one of each attempt that was answered
  spi::timestamp hedge_delay_{0}; ///< the quantile of silences, computed now and then
  std::uint32_t until_quantile_ = 0;

  spi::timestamp now_{0};
  std::vector<pool_member> refused_; ///< the workers that the balancer threw for
  spi::timestamp update_at_ = no_deadline;
  spi::timestamp ejection_end_at_ = no_deadline; ///< armed while requests wait
  std::unordered_map<std::uint64_t, worker_state> workers_;
  /// Workers that have left, as long as attempts that they may be working on keep their places.
  std::unordered_map<std::uint64_t, worker_state> departed_;
  std::unordered_map<std::uint64_t, request_state> requests_;
  attempt_map attempts_;
  std::set<timer> timers_;
  std::size_t available_ = 0;
  std::size_t full_ = 0;       ///< of the available ones
  std::size_t restricted_ = 0; ///< requests in the queue that are for some workers alone
  std::uint64_t last_request_ = 0;
  std::uint64_t last_attempt_ = 0;
  std::vector<dispatch_effect> effects_;
  dispatch_counters counters_;
};

} // namespace atl
