#pragma once

#include "contact.hpp"

#include <atoll/core/request_dispatcher.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/random.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl::runtime {

struct client_request {
  message_kind kind = message_kind::query;
  std::string body;
  group_client::completion done;
  std::optional<std::size_t> only; ///< call this replica alone, without retries
  bool any = false;                ///< any replica can answer it
};

/// May any replica answer? Other calls go to the leader.
constexpr bool is_query(message_kind kind) {
  return kind == message_kind::query || kind == message_kind::local_query;
}

/// The calls that other threads hand to a client's actor, and the leader that the actor tells them.
/// Thread-safe.
class client_inbox {
 public:
  /// @returns whether the actor must be woken.
  bool add(client_request request) {
    std::unique_lock lock{mutex_};
    if (closed_) {
      lock.unlock();
      request.done(fail(errc::unavailable, "the client was closed"));
      return false;
    }
    waiting_.push_back(std::move(request));
    return waiting_.size() == 1;
  }
  std::vector<client_request> take() {
    std::lock_guard lock{mutex_};
    return std::exchange(waiting_, {});
  }
  /// Calls that are added from now on complete with errc::unavailable.
  void close() {
    std::lock_guard lock{mutex_};
    closed_ = true;
  }

  void set_leader(std::string address) {
    std::lock_guard lock{mutex_};
    leader_ = std::move(address);
  }
  std::string leader() const {
    std::lock_guard lock{mutex_};
    return leader_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<client_request> waiting_;
  std::string leader_;
  bool closed_ = false;
};

/// Implements `group_client`.
class client_actor : public io_thread_actor {
 public:
  client_actor(caf::actor_config& config, group_client::settings given,
               std::shared_ptr<client_inbox> inbox);

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.client"; }

 private:
  using clock = std::chrono::steady_clock;
  using call_id = std::uint64_t;

  /// `dispatched`: `any_` decides about it.
  enum class stage : std::uint8_t { queued, sent, pausing, dispatched };
  struct call {
    client_request what;
    clock::time_point give_up;
    clock::time_point refusal_deadline;
    clock::time_point wake;          ///< when to look after the attempt, or when the pause ends
    clock::time_point attempt_since; ///< when it was last queued
    std::size_t member = 0;
    std::size_t hops = 0;
    std::uint8_t attempt = 0;
    runtime::client_actor::stage stage = stage::queued;
    bool in_doubt = false;
    std::string last_error; ///< the last error from a replica that could be reached
  };

  enum class contact : std::uint8_t { none, connecting, ready };
  struct replica {
    group_client::member who;
    contact state = contact::none;
    caf::actor handle;
    std::uint64_t generation = 0; ///< answers to an earlier attempt to connect are ignored
    clock::time_point heard_at{}; ///< the last answer of any kind
    std::optional<clock::time_point> pinged_at; ///< of a ping that isn't answered yet
    clock::time_point silent_until{};           ///< until then replicas that answer are preferred
    contact_failure unreachable;                ///< the outcome of the last attempt to connect
    std::vector<call_id> queue;
  };

  /// A replica is asked, or will be once it is connected.
  struct any_attempt {
    call_id call = 0;
    std::size_t member = 0;
    bool is_sent = false;
    clock::time_point since{};
  };

  /// The replicas that couldn't be reached.
  struct unreachable_replicas {
    std::size_t count = 0;
    std::string text; ///< their names and the reasons
  };

  void take_inbox();
  void queue_up(call_id id, std::size_t member);
  void connect(std::size_t member);
  void send_handshake(std::size_t member, const caf::actor& there);
  std::string unfit_role(const node_info& who);
  void connected(std::size_t member, const caf::actor& there);
  void lost(std::size_t member, const contact_failure& failure);
  static std::string describe(const group_client::member& who);
  static replica make_replica(const group_client::member& who);
  void learn_group(std::size_t member);
  void learn(const group_client::member& who);
  void send_queued();
  void send_alone(std::size_t member, call_id id);
  void on_responses(const envelope& message);
  void on_response(call_id id, reply answer);
  void note_leader(std::size_t member);
  void on_wake();
  clock::duration check_interval(const call& it) const;
  void give_up_attempt(call_id id, clock::time_point now);
  void look_after(call_id id, clock::time_point now);
  void race(std::size_t member);
  void take_over_queued(std::size_t member);
  void ping_if_quiet(std::size_t member, clock::time_point quiet_since, clock::time_point now);
  bool is_silent(std::size_t member, clock::time_point now) const;
  void again(call_id id, const reply& answer);

  // Calls that any replica can answer.
  request_dispatcher make_any();
  void update_any();
  void submit_any(call_id id);
  void carry_out_any();
  void start_any(const send_attempt& what);
  void send_any(std::uint64_t attempt);
  void send_waiting_any(std::size_t member);
  void on_any_response(std::uint64_t attempt, reply answer);
  void look_after_any(call_id id, clock::time_point now);
  void note_no_answer(std::size_t member);
  void fail_any(std::size_t member, const error& problem);
  void finish_any(const complete_request& what);

  void give_up(call_id id, const error& problem);
  bool are_all_hopeless() const;
  unreachable_replicas describe_unreachable() const;
  void end_pauses();
  void finish(call_id id, result<std::string> answer);
  void set_wake(call_id id, clock::time_point at);
  void arm();
  std::size_t next_after(std::size_t member) const;
  std::optional<std::size_t> member_at(const std::string& address) const;
  std::optional<std::size_t> member_of(const caf::strong_actor_ptr& sender) const;
  std::uint64_t wire_id(call_id id, const call& it) const { return id << 8 | it.attempt; }

  group_client::settings settings_;
  std::shared_ptr<client_inbox> inbox_;
  std::uint64_t digest_;
  std::string group_; ///< of the first replica that named its group; empty: none has
  spi::random_source random_;
  std::vector<replica> replicas_;
  std::size_t writer_ = 0; ///< the replica that commands are sent to: the leader, once it is known
  std::size_t reader_ = 0; ///< the replica that queries are sent to; drawn, so that clients spread
  std::unordered_map<call_id, call> calls_;
  std::set<std::pair<clock::time_point, call_id>> wakes_;
  request_dispatcher any_; ///< its workers are the replicas, by their numbers
  std::unordered_map<std::uint64_t, call_id> any_calls_;        ///< by the number of `any_`
  std::unordered_map<std::uint64_t, any_attempt> any_attempts_; ///< likewise
  reply any_answer_; ///< of the attempt that is being reported to `any_`
  call_id last_id_ = 0;
  std::optional<std::size_t> leader_; ///< the replica that `group_client::leader` names
  clock::time_point armed_ = clock::time_point::max();
};

} // namespace atl::runtime
