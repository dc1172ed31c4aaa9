#include "run_atoll.hpp"

#include <map>

namespace {

/// Strategies and a workload, and the folder of this tree's plugins.
struct compared {
  temporary_folder folder;

  std::string write(std::string_view name, std::string_view text) const {
    return folder.write(name, text).string();
  }
  std::string random() const { return write("random.toml", "[balancer]\nplugin = \"random\"\n"); }
  std::string workload() const {
    return write("w.toml", "[run]\nrequests = 5000\n[arrivals]\nload = 0.5\n[service]\n"
                           "mean = \"10ms\"\n[[members]]\ncount = 3\n");
  }
  outcome run(const std::string& arguments) const {
    return run_atoll("compare " + arguments + " --path '" ATOLL_PLUGINS "'");
  }
  /// The latencies of these strategies, in microseconds: `mean`, `p99`, …
  std::map<std::string, double> latencies(const std::string& strategies,
                                          const std::string& workload, const char* which) const {
    auto [code, out] = run(fmt::format("{} --workload {} --json {}", strategies, workload,
                                       (folder / "out.json").string()));
    CAPTURE(out);
    REQUIRE(code == 0);
    std::map<std::string, double> found;
    auto report = json("out.json"); // named: a loop doesn't keep a temporary alive
    for (auto& each : report["strategies"])
      found[each["label"]] = each["latency_us"][which];
    return found;
  }
  nlohmann::json json(std::string_view name) const {
    return nlohmann::json::parse(std::ifstream{folder / name});
  }
};

} // namespace

TEST_CASE("strategies of files are compared, in text, JSON and a picture") {
  compared it;
  auto turns = it.write("turns.toml", "[balancer]\nplugin = \"round_robin\"\noptions = {}\n");
  auto [code, out] =
      it.run(fmt::format("{} {} --workload {} --json {} --svg {} --seed 4 "
                         "--requests 3000",
                         it.random(), turns, it.workload(), (it.folder / "out.json").string(),
                         (it.folder / "out.svg").string()));
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(contains(out, "3 members, load 0.500, 3000 requests of 10.00 ms"));
  CHECK(contains(out, "\nturns "));
  auto json = it.json("out.json");
  CHECK(json["seed"] == 4);
  REQUIRE(json["strategies"].size() == 2);
  CHECK(json["strategies"][0]["label"] == "random");
  CHECK(json["strategies"][0]["answered"] == 2700);
  for (auto& node : json["strategies"][1]["nodes"])
    CHECK(node["requests"] == 900);
  std::ifstream picture{it.folder / "out.svg"};
  CHECK(contains(std::string{std::istreambuf_iterator<char>{picture}, {}}, ">turns<"));
}

TEST_CASE("the name of a plugin stands for the plugin with its default options") {
  compared it;
  auto [code, out] = it.run(fmt::format("power_of_two {} --workload {} --json {}", it.random(),
                                        it.workload(), (it.folder / "out.json").string()));
  CAPTURE(out);
  CHECK(code == 0);
  auto strategies = it.json("out.json")["strategies"];
  REQUIRE(strategies.size() == 2);
  CHECK(strategies[0]["label"] == "power_of_two");
  CHECK(strategies[1]["label"] == "random");
  CHECK(strategies[0]["latency_us"]["mean"] < strategies[1]["latency_us"]["mean"]);
}

TEST_CASE(
    "with a member ten times slower, strategies by latency or queues beat those that are blind") {
  compared it;
  auto workload = it.write("slow.toml", "[run]\nrequests = 40000\n[arrivals]\nrate = 500\n"
                                        "[service]\nmean = \"10ms\"\n[[members]]\ncount = 9\n"
                                        "[[members]]\nslow = 10\n");
  auto p99 = it.latencies("random round_robin power_of_two peak_ewma c3 prequal adaptive", workload,
                          "p99");
  for (auto informed : {"peak_ewma", "c3", "prequal", "adaptive"})
    CHECK(p99[informed] < p99["power_of_two"] / 2);
  for (auto blind : {"random", "round_robin"}) // their queue at the slow member has no end
    CHECK(p99["power_of_two"] < p99[blind] / 100);
}

TEST_CASE(
    "under antagonist load, strategies that know latency or load beat two random choices, and "
    "those beat chance") {
  compared it;
  auto workload = it.write(
      "antagonists.toml",
      "[run]\nrequests = 40000\nhosts = 20\n[arrivals]\nload = 0.6\n[service]\n"
      "distribution = \"lognormal\"\nmean = \"10ms\"\nsigma = 1.0\n[pool]\nprobe_delay = \"1ms\"\n"
      "[[members]]\ncount = 50\nservers = 2\ndiscipline = \"sharing\"\nantagonist = 3.0\n"
      "antagonist_share = 0.33\nantagonist_period = \"5s\"\n");
  auto p99 = it.latencies("random power_of_two peak_ewma c3 prequal least_loaded adaptive",
                          workload, "p99");
  for (auto informed : {"peak_ewma", "c3", "prequal", "least_loaded", "adaptive"})
    CHECK(p99[informed] < p99["power_of_two"]);
  CHECK(p99["prequal"] < p99["power_of_two"] / 1.5);
  CHECK(p99["power_of_two"] < p99["random"] / 10);
}

TEST_CASE("with many hosts, each of which knows its own requests alone, prequal's probes beat the "
          "requests in flight under antagonist load") {
  compared it;
  auto p99 =
      it.latencies("random round_robin power_of_two least_loaded prequal c3 --requests 100000",
                   ATOLL_WORKLOADS "/prequal.toml", "p99");
  for (auto other : {"least_loaded", "power_of_two"})
    CHECK(p99["prequal"] < p99[other] / 1.8);
  for (auto blind : {"random", "round_robin"})
    CHECK(p99["prequal"] < p99[blind] / 5);
  CHECK(p99["prequal"] < p99["c3"] * 1.25);
}

TEST_CASE(
    "with a member that pauses, strategies that see it stand still beat those that are blind") {
  compared it;
  auto p99 = it.latencies("random round_robin prequal peak_ewma c3 least_loaded --requests 100000",
                          ATOLL_WORKLOADS "/one-paused.toml", "p99");
  for (auto informed : {"prequal", "peak_ewma", "c3", "least_loaded"})
    for (auto blind : {"random", "round_robin"})
      CHECK(p99[informed] < p99[blind] / 10);
}

TEST_CASE("where a few keys are wanted most, ring's bound keeps their members from overload") {
  compared it;
  auto bounded = it.write("bounded.toml", "[balancer]\nplugin = \"ring\"\n"
                                          "options = { load_bound = 1.25 }\n");
  auto p99 = it.latencies("ring least_loaded --requests 50000 " + bounded,
                          ATOLL_WORKLOADS "/zipf.toml", "p99");
  CHECK(p99["bounded"] < p99["ring"] / 50);
  CHECK(p99["bounded"] < p99["least_loaded"] * 1.5);
}

TEST_CASE(
    "with ten members at 90 % load, the least loaded member answers in about two service times, "
    "and one by chance in about ten") {
  compared it;
  auto workload = it.write("steady.toml", "[run]\nrequests = 100000\n[arrivals]\nload = 0.9\n"
                                          "[service]\nmean = \"10ms\"\n[[members]]\ncount = 10\n");
  auto mean = it.latencies("random power_of_two least_loaded adaptive", workload, "mean");
  constexpr double service = 10'000;
  CHECK(mean["random"] / service == doctest::Approx(10).epsilon(0.2));
  CHECK(mean["least_loaded"] / service == doctest::Approx(1.9).epsilon(0.1));
  CHECK(mean["power_of_two"] / service < 3.5);
  CHECK(mean["adaptive"] / service < 2.5); // all requests at the best member would have no end
}

TEST_CASE("a section of a cluster's file is a strategy, and files of one name keep their folders") {
  compared it;
  auto cluster = [&](std::string_view name) {
    return it.write(name, "[cluster]\nname = \"x\"\n[placement]\nbalancer = \"round_robin\"\n"
                          "[reads]\nbalancer = \"random\"\n");
  };
  auto one = cluster("1/cluster.toml"), two = cluster("2/cluster.toml");
  auto [code, out] =
      it.run(fmt::format("{} {} --section placement --workload {}", one, two, it.workload()));
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(contains(out, "\n" + one + " "));
  CHECK(contains(out, "\n" + two + " "));
}

TEST_CASE("what can't be compared is told with its place") {
  compared it;
  auto told = [&](const std::string& arguments, const std::string& part) {
    auto [code, out] = it.run(arguments);
    CAPTURE(arguments);
    CAPTURE(out);
    CHECK(code == 2);
    CHECK(contains(out, part));
  };
  auto with = " --workload " + it.workload();
  told("", "compare takes strategies, as names of plugins or files, and --workload FILE, or "
           "--availability, or --durability");
  told(it.random(), "compare takes strategies, as names of plugins or files, and --workload FILE");
  told("/nowhere.toml" + with, "/nowhere.toml can't be read");
  told("randon" + with, "there is no balancer plugin 'randon'");
  auto unknown = it.write("a.toml", "[balancer]\nplugin = \"randon\"\n");
  told(unknown + with, unknown + ":2:10: there is no balancer plugin 'randon'");
  auto option = it.write("b.toml", "[balancer]\nplugin = \"random\"\noptions = { x = 1 }\n");
  told(option + with, option + ":3:13: ");
  auto workload = it.write("bad.toml", "[arrivals]\nload = -1\n");
  told(it.random() + " --workload " + workload, workload + ":2:8: arrivals.load is -1");
  told(it.random() + with + " --json /nowhere/x", "cannot write /nowhere/x");
  told("--replicas 3" + with, "--replicas");
  told("--availability" + with, "--availability");
  told("--availability --replicas 10", "--replicas");
  told("--availability --protocols rafd", "rafd");
}

TEST_CASE("errors of a plugin are counted, and decide the exit code") {
  compared it;
  std::filesystem::copy_file(std::filesystem::path{LOADER_TEST_PLUGINS} / "first.so",
                             it.folder / "first.so");
  auto first = it.write("first.toml", "[balancer]\nplugin = \"first\"\noptions = { index = 7 }\n");
  auto [code, out] = run_atoll(fmt::format("compare {} --workload {} --path '{}'", first,
                                           it.workload(), it.folder.path().string()));
  CAPTURE(out);
  CHECK(code == 1);
  CHECK(contains(out, "none answered"));
  CHECK(contains(out, "first error with first: "));
}

TEST_CASE("a plugin that hangs in a call is given up, and the error names the plugin") {
  compared it;
  auto unruly = it.write("stuck.toml",
                         "[balancer]\nplugin = \"unruly\"\noptions = { mistake = \"hangs\" }\n");
  auto [code, out] = run_atoll(fmt::format("compare {} --workload {} --path '{}' --idle-timeout 1",
                                           unruly, it.workload(), UNRULY_PLUGINS));
  CAPTURE(out);
  CHECK(code == 1);
  CHECK(contains(out, "the balancer plugin 'unruly' hangs: its simulation stood still for 1 s, as "
                      "strategy 'stuck'"));
}

TEST_CASE("the availability of protocols is measured beside the formulas") {
  compared it;
  auto [code, out] = it.run("--availability --replicas 1,3 --down 0.1 --protocols "
                            "raft,two_phase_commit --json " +
                            (it.folder / "out.json").string());
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(contains(out, "0:1/1 1:3/3 2:0/3 3:0/1"));
  auto groups = it.json("out.json")["groups"];
  REQUIRE(groups.size() == 4);
  CHECK(groups[1]["protocol"] == "raft");
  CHECK(groups[1]["measured"].get<double>() == doctest::Approx(0.972));
  CHECK(groups[3]["measured"].get<double>() == doctest::Approx(0.729));
}
