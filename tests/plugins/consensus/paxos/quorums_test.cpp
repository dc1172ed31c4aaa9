#include "../check_promises.hpp"
#include "config.hpp"
#include "paxos.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <stdexcept>

/// Quorums of other sizes than majorities (Howard, Malkhi, Spiegelman, 2016).
using namespace atl::sim;
using under_test::overrides;

namespace {

std::string refusal(const overrides& changed,
                    std::vector<atl::spi::replica_id> voters = {1, 2, 3}) {
  auto options = under_test::make_options(paxos::plugin(), changed);
  try {
    delete paxos::plugin().create.consensus({options, 1, std::move(voters), 1, 1});
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return {};
}

} // namespace

TEST_CASE("quorums that don't meet are refused with the reason") {
  CHECK(refusal({}) == "");
  CHECK(refusal({{"prepare_quorum", "1"}, {"accept_quorum", "2"}}).find("don't meet") !=
        std::string::npos);
  CHECK(refusal({{"prepare_quorum", "2"}, {"accept_quorum", "2"}}) == "");
  CHECK(refusal({{"accept_quorum", "4"}}).find("more than the group's 3 voters") !=
        std::string::npos);
  CHECK(refusal({{"election_timeout", "150ms"}}).find("twice the heartbeat") != std::string::npos);
  CHECK(refusal({{"window_bytes", "1KiB"}}).find("batch_bytes") != std::string::npos);
  CHECK(refusal({{"log_bytes", "1MiB"}}).find("keep_bytes") != std::string::npos);
}

TEST_CASE("one size given, the other is derived from it") {
  atl::paxos::quorum_sizes few{0, 2};
  CHECK(few.to_accept(5) == 2);
  CHECK(few.to_prepare(5) == 4);
  atl::paxos::quorum_sizes majority;
  for (std::size_t voters = 1; voters < 10; ++voters)
    CHECK(majority.to_accept(voters) + majority.to_prepare(voters) > voters);
}

TEST_CASE("groups with quorums of any sizes that meet keep every promise") {
  struct sizes {
    std::uint32_t replicas;
    const char* prepare;
    const char* accept;
  };
  for (auto it : {sizes{5, "4", "2"}, sizes{5, "2", "4"}, sizes{3, "3", "1"}, sizes{3, "1", "3"}}) {
    CAPTURE(it.prepare);
    CAPTURE(it.accept);
    under_test::check_promises(
        paxos::plugin(), it.replicas, under_test::seeds(150), [&](simulation_options& run) {
          run.spares = 0; // a smaller group can't have spares
          run.protocol_options = under_test::make_options(
              paxos::plugin(), {{"prepare_quorum", it.prepare}, {"accept_quorum", it.accept}});
        });
  }
}

TEST_CASE("a log that was written under other quorums is refused") {
  std::string meta;
  auto run = [&](const overrides& changed) {
    auto options = under_test::make_options(paxos::plugin(), changed);
    std::unique_ptr<atl::spi::consensus> one{
        paxos::plugin().create.consensus({options, 1, {1, 2, 3}, 1, 1})};
    atl::spi::stable_state disk;
    if (!meta.empty())
      disk.meta = meta;
    one->start(std::move(disk), 0, atl::spi::timestamp{1});
    std::vector<atl::spi::effect> effects;
    one->drain(effects);
    std::string why;
    for (auto& effect : effects) {
      if (auto* sync = std::get_if<atl::spi::persist>(&effect))
        for (auto& op : sync->ops)
          if (auto* set = std::get_if<atl::spi::set_meta>(&op))
            meta = set->bytes;
      if (auto* stop = std::get_if<atl::spi::fatal>(&effect))
        why = stop->reason;
    }
    return why;
  };
  CHECK(run({}) == "");
  REQUIRE(!meta.empty());
  CHECK(run({}) == "");
  CHECK(run({{"prepare_quorum", "1"}, {"accept_quorum", "3"}}).find("put the options back") !=
        std::string::npos);
}
