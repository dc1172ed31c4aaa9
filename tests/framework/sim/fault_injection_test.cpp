#include "toy_log.hpp"

#include <atoll/sim/run_arguments.hpp>
#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace atl::sim;

namespace {

simulation_options options(std::uint64_t seed) {
  simulation_options it;
  it.seed = seed;
  it.replicas = 1;
  it.duration = std::chrono::seconds{5};
  return it;
}

std::vector<fault_id> names(const simulation_report& report) {
  std::vector<fault_id> out;
  for (auto& it : report.acted)
    out.push_back(it.id);
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("names of faults are parsed as they were formatted, in any order") {
  std::vector<fault_id> faults{{fault_kind::loss, 1, 2, 17},   {fault_kind::crashes, 0, 0, 3},
                               {fault_kind::loss, 1, 2, 20},   {fault_kind::loss, 1, 2, 21},
                               {fault_kind::loss, 1, 2, 22},   {fault_kind::loss, 2, 1, 1},
                               {fault_kind::crashes, 0, 0, 3}, {fault_kind::lost_disks, 4, 0, 1}};
  auto text = format_faults(faults);
  CHECK(text == "crashes:3,loss:1-2:17+20-22,loss:2-1:1,lost_disks:4:1");
  std::sort(faults.begin(), faults.end());
  faults.erase(std::unique(faults.begin(), faults.end()), faults.end());
  CHECK(parse_faults(text).value() == faults);
  CHECK(parse_faults("none").value().empty());
  CHECK(format_faults({}) == "none");
  CHECK(describe({fault_kind::loss, 1, 2, 17}) == "the 17th message from 1 to 2 is lost");
  CHECK(describe({fault_kind::batch_crashes, 3, 0, 121}) ==
        "replica 3 crashes before its 121st effect");
  CHECK(describe({fault_kind::mass_crashes, 0, 0, 12}) == "the 12th crash of all replicas");
  CHECK(describe(parse_faults("wiped_disks:2").value().at(0)) ==
        "the 2nd disk that is wiped under its replica's id");
}

TEST_CASE("a text that names no fault is refused with its invalid part") {
  for (std::string text :
       {"earthquakes:3", "crashes", "crashes:", "crashes:0", "crashes:3-1", "loss:1:2",
        "loss:1-2:", "loss:1-2:3+", "loss:0-2:3", "crashes:1:2", "crashes:-1", "loss:1-70000:3",
        "crashes:1-4000000000", "crashes:99999999999"}) {
    auto read = parse_faults("loss:1-2:3," + text);
    REQUIRE_MESSAGE(!read, text);
    CHECK_MESSAGE(read.error().message.find("'" + text + "'") != std::string::npos,
                  read.error().message);
  }
}

TEST_CASE("a run that is given exactly the faults that acted is the same run") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    auto all = options(seed);
    auto report = simulate(all, toy::factory());
    all.choice.only = names(report);
    auto again = simulate(all, toy::factory());
    CHECK(again.hash == report.hash);
    CHECK(names(again) == *all.choice.only);
  }
}

TEST_CASE("leaving a fault out changes neither earlier nor later faults") {
  std::uint64_t later = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    auto all = options(seed);
    auto report = simulate(all, toy::factory());
    if (report.acted.size() < 3)
      continue;
    auto left_out = report.acted[report.acted.size() / 2];
    all.choice.only = names(report);
    std::erase(*all.choice.only, left_out.id);
    auto without = simulate(all, toy::factory());
    auto kept = names(without);
    CHECK(std::count(kept.begin(), kept.end(), left_out.id) == 0);
    for (std::size_t i = 0; i < report.acted.size(); ++i) {
      auto& it = report.acted[i];
      if (it.at < left_out.at)
        CHECK(without.acted[i].id == it.id);
      // Faults that depend only on the clock come at the same times.
      if (it.at > left_out.at && it.id.from == 0 && it.id.kind != fault_kind::member_changes) {
        auto same = std::find_if(without.acted.begin(), without.acted.end(),
                                 [&](auto& other) { return other.id == it.id; });
        REQUIRE(same != without.acted.end());
        CHECK(same->at == it.at);
        ++later;
      }
    }
  }
  CHECK(later > 20);
}

TEST_CASE("leaving a kind of fault out changes neither the times nor the number of other kinds") {
  for (auto& kind : fault_names()) {
    auto all = options(7);
    auto before = drawn_rates(all);
    all.choice.without.*kind.flag = true;
    auto after = drawn_rates(all);
    CHECK(after.fault_every == before.fault_every);
    auto report = simulate(all, toy::factory());
    for (auto& it : report.acted)
      CHECK(name_of(it.id.kind) != kind.name);
  }
  auto calm = options(7);
  calm.choice.without = fault_set::all();
  CHECK(simulate(calm, toy::factory()).acted.empty());
}

TEST_CASE("the printed arguments of a run reproduce the run") {
  auto it = options(17);
  CHECK(run_arguments(it) == "--seed 17 --replicas 1 --spares 0 --duration 5s");
  it.faults = fault_set::none();
  it.faults.crashes = it.faults.loss = true;
  it.choice.without.loss = true;
  it.choice.only = std::vector<fault_id>{{fault_kind::crashes, 0, 0, 3}};
  it.workload.clients = 1;
  it.demand_liveness = false;
  CHECK(run_arguments(it) ==
        "--seed 17 --replicas 1 --spares 0 --duration 5s --faults crashes,loss --clients 1 "
        "--without loss --only crashes:3 --no-liveness");
  auto all = options(17);
  all.faults.wiped_disks = true;
  CHECK(run_arguments(all) ==
        "--seed 17 --replicas 1 --spares 0 --duration 5s --faults all,wiped_disks");
  all.faults.crashes = false;
  CHECK(run_arguments(all).find("--faults mass_crashes,loss,") != std::string::npos);
}

TEST_CASE("disks are wiped only where a spare replica can take the place of one that is kept out") {
  auto it = options(1);
  it.faults = fault_set::none();
  it.faults.wiped_disks = true;
  auto draws = [&] {
    auto drawn = 0;
    for (it.seed = 1; it.seed <= 40; ++it.seed)
      drawn += drawn_rates(it).wiped_disks ? 1 : 0;
    return drawn;
  };
  CHECK(draws() == 0);
  it.spares = 1;
  CHECK(draws() > 10);
}

TEST_CASE("permitting wiped disks changes no other draw of a seed") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto without = options(seed);
    auto with = without;
    with.faults.wiped_disks = true;
    with.spares = 2;
    auto drawn = drawn_rates(with);
    drawn.fault_every = drawn_rates(without).fault_every; // with one more kind of fault
    drawn.wiped_disks = false;
    CHECK(drawn.describe() == drawn_rates(without).describe());
  }
}
