#pragma once

#include "plugins/consensus/newest_leader.hpp"
#include "raft.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace raft {

using namespace atl::sim;
using atl::spi::replica_id;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A simulated group of Raft replicas, with the requests of a client.
class group : public scripted_simulation {
 public:
  explicit group(std::uint32_t replicas, const under_test::overrides& changed = {})
      : scripted_simulation{raft::options(7, replicas, changed), factory()}, replicas_{replicas} {}

  /// The leader of the latest term that can commit; 0: none.
  replica_id leader() const { return under_test::newest_leader(*this, replicas_); }
  replica_id must_lead() {
    REQUIRE(run_until([this] { return leader() != 0; }));
    return leader();
  }

  ticket write(replica_id at, std::int64_t value) {
    ++commands_;
    return propose(
        at, register_command{commands_, 1000 + commands_, 1, 1, operation_kind::write, value, {}});
  }
  void must_write(std::int64_t value) {
    auto& got = await(write(must_lead(), value));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  register_value must_read(replica_id at) {
    must_lead(); // a read at a replica that knows no leader is refused
    REQUIRE(run_until([&] { return up(at) && status(at).leader != 0; }));
    auto& got = await(read(at, 1));
    REQUIRE_MESSAGE(got.kind == answer_kind::read, got.reason);
    return got.result.result;
  }
  void must_agree() {
    CHECK(run_until([this] {
      for (replica_id id = 1; id <= replicas_; ++id)
        if (!up(id) || applied(id) != applied(1) || status(id).committed != status(1).committed)
          return false;
      return true;
    }));
    CHECK(violation() == "");
  }
  replica_id other_than(replica_id id) const { return id % replicas_ + 1; }

 private:
  std::uint32_t replicas_;
  std::uint64_t commands_ = 0;
};

} // namespace raft
