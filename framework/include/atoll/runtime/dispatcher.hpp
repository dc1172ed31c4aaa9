#pragma once

#include <atoll/core/dispatch_types.hpp>
#include <atoll/core/latest_value.hpp>
#include <atoll/runtime/dispatcher_messages.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/spi/balancer.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace atl::runtime {

class system;

/// Hands requests to a pool of workers through a balancer: actors of this process, and roles of
/// other nodes. What it decides, `atl::request_dispatcher` says: places at workers and a bounded
/// queue, deadlines, retries within a budget, hedges, ejection. Takes `envelope`s as any worker
/// does, so that it can be the application of a role.
///
/// Of a worker's answers, `busy` counts as refused; `unavailable` as not delivered; `timeout`,
/// `internal`, `io`, `corrupt` and whatever is in doubt as a failure of the worker. Other errors
/// are answers.
///
/// Thread-safe; actors may use it as well. Callbacks are called by the dispatcher's actor, so they
/// must not block and must not throw; a request that is refused because too many have arrived is
/// completed by the calling thread.
class dispatcher {
 public:
  struct settings {
    std::string name; ///< for the log and for messages
    /// Called in a thread of the actors, so one that hangs takes a thread of the node's: a
    /// `watched_balancer` doesn't, and costs each request two switches of threads.
    std::shared_ptr<spi::balancer> balancer;
    std::string balancer_name;
    dispatch_options options{};
    /// Of requests that name none.
    std::chrono::microseconds deadline{std::chrono::seconds{10}};
    /// Whether requests that come as plain envelopes, without terms, may be done twice.
    bool repeatable = false;
    /// For workers on other nodes; may be null if there are none.
    std::shared_ptr<peer_connections> connections{};
    /// Requests, and their bytes, that the dispatcher's actor hasn't taken yet: while a balancer is
    /// slow, say. Further ones are answered errc::busy at once.
    std::size_t arrivals_max = 1 << 16;
    std::uint64_t arrivals_bytes_max = 64 << 20;
  };
  /// Receives the worker's answer, or the error: the worker's own, or one of the dispatcher:
  /// errc::invalid (too large), errc::busy (queue, arrivals), errc::unavailable (no worker),
  /// errc::timeout (deadline), errc::internal (the balancer). With errc::invalid of the dispatcher,
  /// errc::busy and errc::unavailable nothing was done. With errc::timeout it may have been done,
  /// so that is also the code when a worker ended with the request, and when a worker's
  /// errc::unavailable or errc::busy was in doubt. With other errors of a worker it depends on the
  /// worker.
  using completion = std::function<void(result<std::string>)>;

  /// @param actors must outlive this object
  dispatcher(system& actors, settings given);
  dispatcher(const dispatcher&) = delete;
  dispatcher& operator=(const dispatcher&) = delete;
  /// Completes the requests that are under way: with errc::timeout those that a worker may have
  /// done, with errc::unavailable the others. Waits for the dispatcher's actor, and so for
  /// callbacks and for a call of the balancer that is under way; no callback is called after that.
  /// Neither for actors nor for callbacks.
  ~dispatcher();

  /// Replaces the workers. A list that makes no sense (an id twice, a weight below 0) is logged,
  /// and changes nothing.
  void set_workers(std::vector<dispatcher_worker> workers);

  /// A request, and its reply.
  void ask(message_kind kind, std::string body, dispatch_terms terms, completion done);
  /// Waits for the reply. Not for actors.
  result<std::string> ask(message_kind kind, std::string body, dispatch_terms terms = {});
  /// A request whose answer is dropped. It is queued and bounded like any other.
  void tell(message_kind kind, std::string body, dispatch_terms terms = {});
  /// Work that may take any time, and whose end is notified.
  /// @param accepted is called once the dispatcher has taken it over: it is queued or sent; may be
  /// null
  void defer(message_kind kind, std::string body, dispatch_terms terms,
             std::function<void()> accepted, completion done);

  /// For actors: takes `envelope`, `dispatch_call`, `dispatch_job`, `set_dispatcher_workers`.
  const caf::actor& actor() const { return worker_; }

  /// Waits for the dispatcher's actor. Not for actors.
  dispatcher_status status() const;
  /// With the first `pool_workers_shown_max` workers, by id. At most a tenth of a second old while
  /// requests come. Doesn't wait.
  dispatcher_status latest_status() const;

 private:
  void send(std::shared_ptr<dispatch_order> order, message_kind kind, std::string body,
            dispatch_terms terms);

  system& actors_;
  std::shared_ptr<latest_value<dispatcher_status>> latest_;
  caf::actor worker_;
};

} // namespace atl::runtime
