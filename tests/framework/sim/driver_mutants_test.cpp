#include "contains.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/core/consensus_driver.hpp>
#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

using atl::consensus_driver;

namespace spi = atl::spi;

namespace {

struct sends_before_its_record : consensus_driver {
  using consensus_driver::consensus_driver;
  void send(spi::send& message) override {
    env().transmit(message.to, std::move(message.bytes), 0);
  }
};

struct reads_one_index_early : consensus_driver {
  using consensus_driver::consensus_driver;
  bool can_serve_reads_at(spi::log_index index) const override { return index <= applied() + 1; }
};

struct replies_before_apply : consensus_driver {
  using consensus_driver::consensus_driver;
  void deliver(spi::apply& batch) override {
    for (auto& entry : batch.entries)
      if (entry.id != 0)
        reply(entry.id, {});
    consensus_driver::deliver(batch);
  }
};

struct reports_each_validation_twice : consensus_driver {
  using consensus_driver::consensus_driver;
  void report_verdict(const verdict& it) override {
    consensus_driver::report_verdict(it);
    consensus_driver::report_verdict(it);
  }
};

struct drops_the_first_of_two_entries : consensus_driver {
  using consensus_driver::consensus_driver;
  void deliver(spi::apply& batch) override {
    if (batch.entries.size() > 1)
      batch.entries.erase(batch.entries.begin());
    if (!batch.entries.empty())
      env().apply(std::move(batch.entries));
  }
};

/// Lets a second snapshot arrive and be installed during the installation of the first.
struct installs_without_a_check : consensus_driver {
  using consensus_driver::consensus_driver;
  void install(const spi::install_snapshot& wanted) override {
    env().install_snapshot(wanted.index);
  }
};

const spi::descriptor& raft = ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
const spi::descriptor& two_phase_commit = ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

/// The first violation that the simulator reports of a correct plugin under this driver; empty:
/// none.
template <class Driver>
std::string first_violation(const spi::descriptor& plugin,
                            const under_test::overrides& changed = {}) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto options = under_test::simulation_of(plugin, seed, 3, changed);
    options.make_driver = [](auto& env, auto& protocol) {
      return std::make_unique<Driver>(env, protocol);
    };
    auto report = atl::sim::simulate(options, under_test::factory_of(plugin));
    if (!report.ok)
      return report.reason;
  }
  return {};
}

/// @param violation a part of the message; empty: any message
template <class Driver>
void check_noticed(const spi::descriptor& plugin, std::string_view violation,
                   const under_test::overrides& changed = {}) {
  auto reason = first_violation<Driver>(plugin, changed);
  CHECK(reason != "");
  CHECK_MESSAGE(contains(reason, violation), reason);
}

} // namespace

TEST_CASE("a simulation notices a driver that sends a message before its record is durable") {
  check_noticed<sends_before_its_record>(raft, "sends a message before record");
}

TEST_CASE("a simulation notices a driver that answers a read one index early") {
  check_noticed<reads_one_index_early>(raft, "not linearizable");
}

TEST_CASE("a simulation notices a driver that replies before an entry is applied") {
  check_noticed<replies_before_apply>(raft, "replies to a proposal whose entry isn't applied");
}

TEST_CASE("a simulation notices a driver that reports a validation result twice") {
  check_noticed<reports_each_validation_twice>(two_phase_commit, "twice, or without a request");
}

TEST_CASE("a simulation notices a driver that loses a committed entry") {
  check_noticed<drops_the_first_of_two_entries>(raft, "to apply after");
}

TEST_CASE("a simulation notices a driver that keeps no account of the snapshot it installs") {
  check_noticed<installs_without_a_check>(raft, "", {{"keep_entries", "0"}});
}
