#pragma once

#include "mutant.hpp"
#include "protocol_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace under_test {

/// The requests that replicas refused, in order.
struct refusal_record {
  std::vector<spi::refuse> refused;
};

/// A group of three whose refusals are recorded, with their kind.
class refusing_group : public refusal_record, public atl::sim::scripted_simulation {
 public:
  explicit refusing_group(const overrides& changed = {})
      : scripted_simulation{simulation_of(protocol(), 7, 3, changed), recorded_by(*this)} {
    REQUIRE(run_until([this] { return leader() != 0; }));
  }

  /// The leader that is not blocked; 0: none.
  spi::replica_id leader() const {
    for (spi::replica_id id = 1; id <= 3; ++id)
      if (up(id) && status(id).role == spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }
  ticket write() {
    using namespace atl::sim;
    ++commands_;
    register_command it{commands_, commands_, 1, 1, operation_kind::write, 1, {}};
    return propose(leader(), it);
  }
  /// Checks that one request was refused so far, as busy.
  void must_have_been_busy(ticket asked) {
    REQUIRE(await(asked).kind == atl::sim::answer_kind::refused);
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].why == spi::refusal::busy);
    CHECK(refused[0].hint == 0);
    refused.clear();
  }
  void must_succeed(ticket asked) {
    auto& got = await(asked);
    CHECK_MESSAGE(got.kind == atl::sim::answer_kind::applied, got.reason);
    CHECK(violation() == "");
  }

 private:
  class recorder : public mutant {
   public:
    recorder(const spi::consensus_setup& setup, refusal_record& record)
        : mutant{factory_of(protocol())(setup), setup}, record_{record} {}

   private:
    void alter_effect(spi::effect& effect) override {
      if (auto* it = std::get_if<spi::refuse>(&effect))
        record_.refused.push_back(*it);
    }
    refusal_record& record_;
  };

  static atl::sim::consensus_factory recorded_by(refusal_record& record) {
    return [&record](const spi::consensus_setup& setup) {
      return std::make_unique<recorder>(setup, record);
    };
  }

  std::uint64_t commands_ = 0;
};

} // namespace under_test
