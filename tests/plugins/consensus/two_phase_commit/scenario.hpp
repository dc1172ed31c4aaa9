#pragma once

#include "contains.hpp"
#include "two_phase_commit.hpp"
#include "wire.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace two_phase_commit {

using namespace atl::sim;
using atl::two_phase::message_type;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A simulated group of two-phase commit replicas, with the requests of a client.
class group : public scripted_simulation {
 public:
  explicit group(std::uint32_t replicas, const under_test::overrides& changed = {},
                 bool fatal_is_failure = true, const consensus_factory& make = factory())
      : scripted_simulation{make_options(replicas, changed, fatal_is_failure), make},
        replicas_{replicas} {}

  /// Waits until some replica accepts writes.
  void await_leader() {
    REQUIRE(run_until([this] { return leader() != 0; }));
  }

  /// The replica that accepts proposals; 0: none at the moment.
  atl::spi::replica_id leader() const {
    for (atl::spi::replica_id id = 1; id <= replica_id_max(); ++id)
      if (up(id) && status(id).role == atl::spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }

  /// The highest replica id, spares included.
  std::uint32_t replica_id_max() const { return replicas_ + 2; }

  /// Waits until `id` is up and complete, and the leader knows it.
  void await_recovery(atl::spi::replica_id id) {
    auto last = applied(1);
    REQUIRE(run_until([&] { return up(id) && status(id).blocked.empty() && applied(id) >= last; }));
    run_for(milliseconds{300});
    await_leader();
  }

  /// Proposes a write at `at`; 0: at the leader.
  ticket write(std::int64_t value, std::uint64_t key = 1, atl::spi::replica_id at = 0) {
    ++commands_;
    at = at != 0 ? at : std::max(1U, leader());
    return propose(at, register_command{
                           commands_, 1000 + commands_, 1, key, operation_kind::write, value, {}});
  }

  /// Writes, and requires that the write is applied. @returns its index.
  atl::spi::log_index must_write(std::int64_t value, std::uint64_t key = 1) {
    await_leader();
    auto& got = await(write(value, key));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
    return got.index;
  }

  void must_write_up_to(std::int64_t last) {
    for (std::int64_t value = 1; value <= last; ++value)
      must_write(value);
  }

  /// Changes the group, and requires that the change is applied.
  void must_change(std::vector<atl::spi::replica_id> voters,
                   std::vector<atl::spi::replica_id> learners = {}) {
    await_leader();
    auto& got = await(reconfigure(leader(), std::move(voters), std::move(learners)));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }

  /// The same for a group that accepts no writes, in which `leader()` finds no replica.
  void must_change_at(atl::spi::replica_id at, std::vector<atl::spi::replica_id> voters) {
    auto& got = await(reconfigure(at, std::move(voters)));
    CHECK_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }

  /// @param saying a part that the reason must contain
  answer must_refuse(ticket it, std::string_view expected = {}) {
    auto got = await(it);
    CHECK(got.kind == answer_kind::refused);
    CHECK_MESSAGE(got.reason.find(expected) != std::string::npos, got.reason);
    return got;
  }

  void must_lead(atl::spi::replica_id id) {
    CHECK(run_until([&] { return status(id).role == atl::spi::replica_role::leader; }));
  }
  void must_catch_up(atl::spi::replica_id id) {
    CHECK(run_until([&] { return applied(id) == applied(1); }));
  }

  /// Writes `value`, and checks that each of `voters` reads it and knows the same voters.
  void must_write_and_agree(std::int64_t value, const std::vector<atl::spi::replica_id>& voters) {
    must_write(value);
    for (auto id : voters)
      CHECK(must_read(id) == value);
    must_agree_on(voters);
  }

  /// Checks that all of `voters` reach the same applied index and know exactly these voters.
  void must_agree_on(const std::vector<atl::spi::replica_id>& voters) {
    auto agree = [&] {
      return std::all_of(voters.begin(), voters.end(), [&](auto id) {
        return up(id) && applied(id) == applied(voters[0]) && members(id).voters == voters &&
               status(id).committed == status(voters[0]).committed;
      });
    };
    CHECK(run_until(agree));
    CHECK(violation() == "");
  }

  register_value must_read(atl::spi::replica_id at, std::uint64_t key = 1) {
    auto& got = await(read(at, key));
    REQUIRE_MESSAGE(got.kind == answer_kind::read, got.reason);
    return got.result.result;
  }

  /// Applies `what` to messages of one type, optionally only between two replicas.
  void on_messages(message_type type, filter_action what, atl::spi::replica_id from = 0,
                   atl::spi::replica_id to = 0) {
    filter([=](auto sender, auto receiver, std::string_view bytes) {
      auto concerned = (from == 0 || from == sender) && (to == 0 || to == receiver);
      return concerned && type_of(bytes) == type ? what : filter_action::pass;
    });
  }

  void pass_all_messages() { filter({}); }

  static std::optional<message_type> type_of(std::string_view bytes) {
    atl::spi::reader in{bytes};
    auto head = atl::two_phase::read_header(in);
    return head ? std::optional{head->type} : std::nullopt;
  }

  /// Checks that all replicas are up, reach the same applied index, and violated nothing.
  void must_agree() {
    auto agree = [this] {
      for (atl::spi::replica_id id = 1; id <= replicas_; ++id)
        if (!up(id) || applied(id) != applied(1) || status(id).committed != status(1).committed)
          return false;
      return true;
    };
    CHECK(run_until(agree));
    CHECK(violation() == "");
  }

 private:
  static simulation_options make_options(std::uint32_t replicas,
                                         const under_test::overrides& changed,
                                         bool fatal_is_failure) {
    auto it = options(7, replicas, changed);
    it.fatal_is_failure = fatal_is_failure;
    return it;
  }

  std::uint32_t replicas_;
  std::uint64_t commands_ = 0;
};

} // namespace two_phase_commit
