#pragma once

#include "arrivals.hpp"
#include "tick_schedule.hpp"

#include <atoll/core/request_dispatcher.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl::runtime {

/// Implements `dispatcher`: carries out what `request_dispatcher` decides. Not an actor of the I/O
/// thread: a balancer's call may take long, and the work would add up to that of the connections.
class dispatcher_actor : public caf::event_based_actor {
 public:
  dispatcher_actor(caf::actor_config& config, dispatcher::settings given,
                   std::shared_ptr<latest_value<dispatcher_status>> latest);
  caf::behavior make_behavior() override;
  /// Refuses requests that the mailbox has no room for. Called by the sender's thread.
  bool enqueue(caf::mailbox_element_ptr what, enqueue_context* host) override;
  void on_exit() override;
  const char* name() const override { return "atoll.dispatcher"; }

 private:
  struct worker {
    dispatcher_worker what;
    std::uint64_t generation = 0; ///< of this worker; 0: not watched yet
    peer_subscription connection; ///< of a worker at another node
    std::string peer;             ///< how the connection's events name the worker
    bool is_up = false;

    bool is_at(const dispatcher_worker& other) const {
      return what.local == other.local && what.where == other.where && what.role == other.role;
    }
  };
  /// A worker under its id, not one that replaces it.
  struct worker_key {
    std::uint64_t id = 0;
    std::uint64_t generation = 0;
  };
  /// A request, and where its answer goes: to an actor, or to functions of a thread.
  struct call {
    dispatch_type type = dispatch_type::request;
    message_kind kind = message_kind::application;
    std::string body;
    std::optional<caf::response_promise> promise;
    std::shared_ptr<dispatch_order> order;
  };

  // Workers.
  void set_workers(std::vector<dispatcher_worker> wanted);
  void replace_workers(std::vector<dispatcher_worker> wanted);
  void forget_replaced(const std::vector<dispatcher_worker>& wanted,
                       std::vector<pool_member> staying);
  void show_first(const std::vector<pool_member>& members);
  void watch(worker& it);
  void watch_actor(const worker& it);
  void forget(const worker& it);
  void on_connection(const connection_event& event);
  void on_actor_ended(caf::actor_id which);
  void on_ended(const worker_key& which);

  // Requests.
  caf::result<envelope> accept(dispatch_type type, envelope& message, const dispatch_terms& terms);
  void accept(std::shared_ptr<dispatch_order> order);
  void submit(call what, const dispatch_terms& terms);
  void step();
  void carry_out_effects();
  void carry_out(const send_attempt& effect);
  void carry_out(const complete_request& effect);
  void send_local(std::uint64_t attempt, const worker& to, const call& what);
  void send_remote(std::uint64_t attempt, const worker& to, const call& what);
  void on_answer(std::uint64_t attempt, std::string bytes);
  void on_problem(std::uint64_t attempt, const worker_key& worker, const caf::error& problem);
  void on_completion(const envelope_from_peer& what);

  void on_tick();
  void arm();
  spi::timestamp now() const;
  dispatcher_status status() const;
  dispatcher_status status_of(const std::vector<worker_load>& workers) const;
  void publish_status();

  dispatcher::settings settings_;
  arrivals arrivals_;
  std::shared_ptr<latest_value<dispatcher_status>> latest_;
  std::uint64_t digest_ = 0; ///< of the cluster
  std::uint64_t job_ids_; ///< added to an attempt's number, so that jobs of others are told apart
  std::optional<request_dispatcher> core_; ///< until the actor ends
  std::unordered_map<std::uint64_t, worker> workers_;
  std::vector<std::uint64_t> shown_; ///< the workers that the latest status lists
  std::unordered_map<std::string, std::uint64_t> peers_; ///< workers by `worker::peer`
  std::unordered_map<std::uint64_t, call> calls_;        ///< by the core's number
  /// The workers that each actor is, by the actor's id. An actor is watched once, until it ends,
  /// however often it leaves the list and comes back.
  std::unordered_map<caf::actor_id, std::set<std::uint64_t>> watched_;
  std::uint64_t generations_ = 0;
  std::string answer_; ///< an encoded `reply`, of the attempt that is being reported
  std::vector<dispatch_effect> effects_;
  tick_schedule ticks_;
  spi::timestamp status_at_ = no_deadline; ///< when `latest_` is brought up to date
};

} // namespace atl::runtime
