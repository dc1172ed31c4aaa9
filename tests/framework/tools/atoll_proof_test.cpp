#include "run_atoll.hpp"

#include <fstream>

/// `atoll simulate` and `atoll check-history`, as a person or a script runs them.
namespace {

outcome check(const std::string& history, const std::string& more = {}) {
  temporary_folder folder;
  auto file = folder / "history";
  std::ofstream{file} << history;
  return run_atoll(fmt::format("check-history {} {}", file.string(), more));
}

std::string log_line(const std::string& rest) {
  return "2014-03-18 12:00:00,123 INFO  jepsen.util - " + rest + "\n";
}

} // namespace

TEST_CASE("a history of a correct register is linearizable in each of the three formats") {
  auto log = log_line("0\t:invoke\t:write\t3") + "some other line\n" + log_line("0 :ok :write 3") +
             log_line("1 :invoke :read nil") + log_line(":nemesis :info :start \"cut\"") +
             log_line("1 :ok :read 3") + log_line("2 :invoke :cas [3 4]") +
             log_line("2 :ok :cas [3 4]") + log_line("1 :invoke :read nil") +
             log_line("1 :ok :read 4");
  auto edn = "[{:process 0, :type :invoke, :f :write, :value 3 :time 17}\n"
             " {:f :write :type :ok :process 0 :value 3, :extra {:a #{1 2}}}\n ; a comment\n"
             " {:process :nemesis, :type :info, :f :start, :value \"cut\"}\n"
             " {:process 1, :type :invoke, :f :read, :value nil}\n"
             " {:process 1, :type :ok, :f :read, :value 3}]\n";
  auto json = "{\"process\": 0, \"type\": \"invoke\", \"f\": \"write\", \"value\": 3, \"key\": 5}\n"
              "{\"process\": 0, \"type\": \"ok\", \"f\": \"write\", \"value\": 3, \"key\": 5}\n\n"
              "{\"process\": 1, \"type\": \"invoke\", \"f\": \"read\", \"key\": 6}\n"
              "{\"process\": 1, \"type\": \"ok\", \"f\": \"read\", \"value\": null, \"key\": 6}\n";
  for (auto& history : {log, std::string{edn}, std::string{json}}) {
    auto [code, out] = check(history);
    CHECK_MESSAGE(code == 0, out);
    CHECK(contains(out, "linearizable"));
  }
}

TEST_CASE("a stale read is found, and shown with the operations around it") {
  std::string log;
  for (int i = 0; i < 50; ++i)
    log += log_line(fmt::format("0 :invoke :write {}", i % 5)) +
           log_line(fmt::format("0 :ok :write {}", i % 5));
  log += log_line("1 :invoke :read nil") + log_line("1 :ok :read 0") + // the last write was 4
         log_line("0 :invoke :write 1") + log_line("0 :ok :write 1");
  auto [code, out] = check(log);
  CHECK(code == 1);
  CHECK(contains(out, "not linearizable"));
  CHECK(contains(out, "up to event 102"));
  CHECK(contains(out, "read key 0 = 0"));
  CHECK(std::count(out.begin(), out.end(), '\n') <
        6); // only the operations around the failure are shown
  auto json = check(log, "--json");
  CHECK(json.code == 1);
  CHECK(nlohmann::json::parse(json.out)["last_event"] == 102);
}

TEST_CASE("an operation of unknown outcome may take effect at any time after its start, or never") {
  auto begin = log_line("0 :invoke :write 1") + log_line("0 :ok :write 1") +
               log_line("1 :invoke :write 2") + log_line("1 :info :write :timed-out");
  auto reads = [](int first, int second) {
    return log_line("2 :invoke :read nil") + log_line(fmt::format("2 :ok :read {}", first)) +
           log_line("2 :invoke :read nil") + log_line(fmt::format("2 :ok :read {}", second));
  };
  CHECK(check(begin + reads(1, 1)).code == 0);
  CHECK(check(begin + reads(1, 2)).code == 0);
  CHECK(check(begin + reads(2, 2)).code == 0);
  CHECK(check(begin + reads(2, 1)).code == 1);
}

TEST_CASE("a failed compare-and-set has no effect, and a register starts as nil") {
  auto failed = log_line("0 :invoke :cas [7 8]") + log_line("0 :fail :cas [7 8]");
  CHECK(check(failed + log_line("1 :invoke :read nil") + log_line("1 :ok :read nil")).code == 0);
  CHECK(check(failed + log_line("1 :invoke :read nil") + log_line("1 :ok :read 8")).code == 1);
  CHECK(check(log_line("0 :invoke :cas [7 8]") + log_line("0 :ok :cas [7 8]")).code == 1);
}

TEST_CASE("an invalid history is an error with its line, and not a verdict") {
  struct {
    std::string text;
    const char* says;
  } bad[] = {
      {"", "empty"},
      {"hello\n", "this is no history"},
      {log_line("0 :ok :write 3"), "line 1: process 0: ends an operation that it didn't begin"},
      {log_line("0 :invoke :write 3") + log_line("0 :invoke :write 4"), "line 2"},
      {log_line("0 :invoke :write nil"), "a write begins with a number"},
      {"[{:process 0 :type :invoke", "this is no EDN"},
      {"{\"process\": 0, \"type\": \"sleep\", \"f\": \"read\"}\n", "line 1"},
      {"{\"process\": 0,\n", "line 1"},
      {std::string(10'000, '['), "this is no EDN"},
  };
  for (auto& [text, says] : bad) {
    auto [code, out] = check(text);
    CHECK(code == 2);
    CHECK_MESSAGE(contains(out, says), out);
  }
  CHECK(run_atoll("check-history /no/such/file").code == 2);
}

TEST_CASE("a search that reaches its bound is reported as undecided") {
  std::string log;
  for (int i = 0; i < 20; ++i)
    log += log_line(fmt::format("{} :invoke :write {}", i, i));
  for (int i = 0; i < 20; ++i)
    log += log_line(fmt::format("{} :ok :write {}", i, i));
  for (int i : {3, 17, 3})
    log += log_line("30 :invoke :read nil") + log_line(fmt::format("30 :ok :read {}", i));
  auto [code, out] = check(log, "--steps 10");
  CHECK(code == 2);
  CHECK(contains(out, "gave up"));
}

TEST_CASE("a correct protocol that is given by name or by file passes under all drawn faults") {
  auto path = fmt::format("--path {}", ATOLL_PLUGINS);
  for (std::string name : {"raft", "two_phase_commit"}) {
    auto [code, out] =
        run_atoll(fmt::format("simulate {} {} --seeds 40 --duration 3s", name, path));
    CHECK_MESSAGE(code == 0, out);
    CHECK(contains(out, "40 seeds, 0 failed"));
  }
  auto by_file = run_atoll(fmt::format("simulate {}/raft.so --seeds 5 --json", ATOLL_PLUGINS));
  CHECK(by_file.code == 0);
  CHECK(nlohmann::json::parse(by_file.out)["failed"] == 0);
}

TEST_CASE("a wiped disk is a named fault, and its replica is refused") {
  auto path = fmt::format("--path {}", ATOLL_PLUGINS);
  auto one = [&](const std::string& more) {
    return run_atoll(fmt::format("simulate raft {} --faults wiped_disks {}", path, more));
  };
  auto many = one("--seeds 40 --duration 3s");
  CHECK_MESSAGE(many.code == 0, many.out);
  auto seed = 1;
  auto traced = one("--seed 1 --trace");
  while (seed < 20 && !contains(traced.out, "fault wiped_disks:1: "))
    traced = one(fmt::format("--seed {} --trace", ++seed));
  CHECK(traced.code == 0);
  CHECK(contains(traced.out, "is kept out: the group exists already"));
  auto same = one(fmt::format("--seed {} --trace --only wiped_disks:1", seed));
  CHECK(contains(same.out, "is kept out: the group exists already"));
  for (std::string without : {"--without wiped_disks", "--only none", "--spares 0"}) {
    auto calm = one(fmt::format("--seed {} --trace {}", seed, without));
    CHECK_MESSAGE(calm.code == 0, without);
    CHECK_MESSAGE(!contains(calm.out, "is kept out"), without);
  }
  CHECK(contains(run_atoll("simulate --help").out, "wiped_disks"));
}

TEST_CASE("a failing seed is printed with a command that reproduces the failure") {
  // Two-phase commit is not live while a replica is down for good, and a very long pause looks
  // the same. This test demands liveness of a coordinator that can't provide it: its vote timeout
  // is far longer than the simulation waits.
  auto path = fmt::format("--path {}", ATOLL_PLUGINS);
  auto options = "--option heartbeat=1m --option failure_timeout=10m --option vote_timeout=10m "
                 "--option read_timeout=10m";
  auto failed = run_atoll(fmt::format("simulate two_phase_commit {} {} --seeds 30 --duration 2s "
                                      "--faults loss,crashes",
                                      path, options));
  REQUIRE(failed.code == 1);
  auto at = failed.out.find("replay: atoll ");
  REQUIRE(at != std::string::npos);
  auto command = failed.out.substr(at + 14, failed.out.find('\n', at) - at - 14);
  auto again = run_atoll(command);
  CHECK(again.code == 1);
  CHECK(contains(again.out, "starts as incarnation 1")); // the trace
  auto reason = failed.out.substr(0, failed.out.find('\n'));
  CHECK_MESSAGE(contains(again.out, reason), reason);
}

TEST_CASE("a plugin that can't be simulated is an error, and not a failed seed") {
  auto path = fmt::format("--path {}", ATOLL_PLUGINS);
  CHECK(run_atoll("simulate no_such_plugin " + path).code == 2);
  CHECK(run_atoll("simulate weighted " + path).code == 2);
  auto unsafe = run_atoll(fmt::format("simulate raft {} --option heartbeat=2s", path));
  CHECK(unsafe.code == 2);
  CHECK(contains(unsafe.out, "twice the heartbeat"));
  auto unknown = run_atoll(fmt::format("simulate raft {} --option hartbeat=2s", path));
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.out, "heartbeat"));
  CHECK(run_atoll("simulate raft --faults earthquakes").code == 2);
}

TEST_CASE("a history with a byte order mark is read like any other") {
  auto log = log_line("0 :invoke :write 3") + log_line("0 :ok :write 3");
  std::string edn = "{:process 0, :type :invoke, :f :read, :value nil}\n"
                    "{:process 0, :type :ok, :f :read, :value nil}\n";
  std::string json = "{\"process\": 0, \"type\": \"invoke\", \"f\": \"read\"}\n"
                     "{\"process\": 0, \"type\": \"ok\", \"f\": \"read\", \"value\": null}\n";
  for (auto& history : {log, edn, "[" + edn + "]", json}) {
    auto [code, out] = check("\xef\xbb\xbf" + history);
    CHECK_MESSAGE(code == 0, out);
  }
  auto empty = check("\xef\xbb\xbf");
  CHECK(empty.code == 2);
  CHECK(contains(empty.out, "the history is empty"));
}

TEST_CASE("a file that can't be read is an error with its reason, and not a verdict") {
  temporary_folder folder;
  auto told = [&](const std::string& file, const std::string& why) {
    auto [code, out] = run_atoll("check-history " + file);
    CHECK(code == 2);
    CHECK_MESSAGE(contains(out, file + " can't be read: " + why), out);
  };
  told(folder.path().string(), "it is a folder, and a file is expected");
  told((folder / "none").string(), "No such file or directory");
  told("/proc/self/mem", "Input/output error");
}

TEST_CASE("an unknown plugin is reported as missing without assuming its kind") {
  auto path = fmt::format(" --path {}", ATOLL_PLUGINS);
  auto any = run_atoll("verify no_such_plugin" + path);
  CHECK(any.code == 2);
  CHECK(contains(any.out, "there is no plugin 'no_such_plugin'"));
  auto balancer = run_atoll("verify no_such_plugin --kind balancer" + path);
  CHECK(contains(balancer.out, "there is no balancer plugin 'no_such_plugin'"));
  auto wrong = run_atoll("verify raft --kind recovery" + path);
  CHECK(wrong.code == 2);
  CHECK(contains(wrong.out, "expected a recovery plugin"));
}

TEST_CASE("contradicting options are an error, and not a violated property") {
  auto [code, out] = run_atoll(
      fmt::format("verify raft --path {} --option heartbeat=1m --seeds 1", ATOLL_PLUGINS));
  CHECK(code == 2);
  CHECK_MESSAGE(contains(out, "twice the heartbeat"), out);
}

TEST_CASE("the command that verify prints for a seed can be run unchanged") {
  for (auto plugin : {fmt::format("forgetful --path {}", BROKEN_PLUGINS),
                      fmt::format("{}/forgetful.so", BROKEN_PLUGINS)}) {
    auto [code, out] = run_atoll("verify " + plugin + " --seeds 20");
    CHECK(code == 1);
    auto at = out.find("replay: atoll ");
    REQUIRE_MESSAGE(at != std::string::npos, out);
    auto command = out.substr(at + 14, out.find('\n', at) - at - 14);
    CHECK_MESSAGE(command.starts_with("simulate " + plugin), command);
    auto again = run_atoll(command);
    CHECK_MESSAGE(again.code == 1, again.out);
  }
}
