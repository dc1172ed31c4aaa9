#pragma once

#include <atoll/core/dispatch_types.hpp>
#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/metrics.hpp>
#include <atoll/runtime/envelope.hpp>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What a dispatcher's actor takes and answers. Actors send these to `dispatcher::actor`; threads
/// use the functions of `dispatcher`.
namespace atl::runtime {

/// A worker of a dispatcher: an actor of this process, or a role of a node. It answers each
/// `envelope` by an envelope with a `reply`, also one whose sender doesn't want the answer, because
/// its end frees a place for the next one.
struct dispatcher_worker {
  std::uint64_t id = 0; ///< no two workers have the same
  std::string name;     ///< for people
  std::string domain{}; ///< failure domain, as `pool_member::domain`
  double weight = 1;
  caf::actor local{}; ///< null: the worker is the role `role` of the node at `where`
  endpoint where{};
  std::string role{};
};

/// How a request is handled.
struct dispatch_terms {
  std::uint64_t key = 0;   ///< for balancers that keep a key with a worker
  bool repeatable = false; ///< may it be done twice without harm?
  /// From its arrival at the dispatcher; none: the dispatcher's. Requests to another node are
  /// also given up when the node doesn't answer for four failure timeouts (`connection_settings`).
  std::optional<std::chrono::microseconds> deadline{};
  /// The workers that may do it, such as those that hold the data; empty: all.
  std::vector<std::uint64_t> among{};
};

/// To a dispatcher: a request, answered by the worker's envelope, or by an envelope with a `reply`
/// that says why there is none. A plain `envelope` is a request with default terms.
struct dispatch_call {
  envelope message; ///< `kind` from `message_kind::application` on; the other fields are set here
  dispatch_terms terms;
};
/// To a dispatcher: like `dispatch_call`, for work that may take any time. It has no deadline
/// unless the terms name one, and at another node it is a `deferred_call`.
struct dispatch_job {
  envelope message;
  dispatch_terms terms;
};
/// To a dispatcher: replaces its workers. Those that stay, by id, go on.
struct set_dispatcher_workers {
  std::vector<dispatcher_worker> workers;
};
/// To a dispatcher, answered by `dispatcher_status`.
struct get_dispatcher_status {};

struct dispatcher_worker_status {
  std::string name;
  worker_load load;
};
struct dispatcher_status {
  std::string name;
  std::string balancer;
  std::uint64_t plugin_errors = 0; ///< of the balancer
  std::uint64_t turned_away = 0;   ///< requests refused because too many had arrived
  dispatch_load load;
  dispatch_counters counters;
  std::vector<dispatcher_worker_status> workers; ///< by id
};
/// One line for people: `jobs (power_of_two): 3 of 4 workers available, 1 ejected; 12 requests
/// under way, 5 of them queued; …`.
std::string describe(const dispatcher_status& status);
/// Adds `atoll_dispatcher_…`, with the dispatcher's name as the label `dispatcher`. A role calls it
/// from `node::role::metrics` with the `dispatcher::latest_status` of each of its dispatchers.
void add_metrics(const dispatcher_status& status, metric_set& into);

// -- of a dispatcher's own ----------------------------------------------------------------------

enum class dispatch_type : std::uint8_t { request, job };

/// From a thread that uses `dispatcher`. Whatever becomes of it, `done` is called once.
struct dispatch_order {
  dispatch_type type = dispatch_type::request;
  message_kind kind = message_kind::application;
  std::string body;
  dispatch_terms terms;
  std::function<void()> accepted;                ///< may be null
  std::function<void(result<std::string>)> done; ///< may be null

  dispatch_order() = default;
  dispatch_order(const dispatch_order&) = delete;
  dispatch_order& operator=(const dispatch_order&) = delete;
  ~dispatch_order() { finish(fail(errc::unavailable, "the dispatcher was closed")); }
  void finish(result<std::string> outcome) {
    if (auto call = std::exchange(done, nullptr))
      call(std::move(outcome));
  }
};
struct dispatch_order_message {
  std::shared_ptr<dispatch_order> order;
};
/// To a dispatcher, from itself.
struct dispatcher_tick {
  spi::timestamp at{0};
};
/// To a dispatcher: an actor that is or was a worker has ended.
struct dispatcher_worker_ended {
  caf::actor_id actor = 0;
};

} // namespace atl::runtime

CAF_BEGIN_TYPE_ID_BLOCK(atoll_dispatcher, caf::first_custom_type_id + 75)
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatch_call))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatch_job))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::set_dispatcher_workers))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::get_dispatcher_status))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatcher_status))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatch_order_message))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatcher_tick))
CAF_ADD_TYPE_ID(atoll_dispatcher, (atl::runtime::dispatcher_worker_ended))
CAF_END_TYPE_ID_BLOCK(atoll_dispatcher)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatch_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatch_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::set_dispatcher_workers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::get_dispatcher_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatcher_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatch_order_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatcher_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::dispatcher_worker_ended)
