#include "run_atoll.hpp"

#include <fstream>
#include <iterator>

/// `atoll simulate` turns a failing seed into a smaller run, a trace and a diagram.
namespace {

const auto forgetful =
    fmt::format("simulate forgetful --path {} --replicas 1", std::string{BROKEN_PLUGINS});

/// The command after the last `replay: atoll `.
std::string replay_in(const std::string& out) {
  auto at = out.rfind("replay: atoll ");
  REQUIRE(at != std::string::npos);
  return out.substr(at + 14, out.find('\n', at) - at - 14);
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The first seed that fails.
std::uint64_t failing_seed() {
  auto [code, out] = run_atoll(forgetful + " --seeds 20 --json");
  REQUIRE(code == 1);
  return nlohmann::json::parse(out)["failures"][0]["seed"];
}

} // namespace

TEST_CASE("a failing seed shrinks to fewer faults, and the printed command fails in the same way") {
  auto seed = failing_seed();
  auto [code, out] = run_atoll(fmt::format("{} --seed {} --shrink --json", forgetful, seed));
  CHECK(code == 1);
  auto json = nlohmann::json::parse(out);
  auto& shrunk = json["shrunk"];
  CHECK(shrunk["faults"].size() < shrunk["faults_before"]);
  CHECK(shrunk["faults"].size() == 1); // one crash is sufficient
  CHECK(shrunk["finished"] == true);
  std::string replay = shrunk["replay"];
  REQUIRE(replay.starts_with("atoll "));
  auto again = run_atoll(replay.substr(6) + " --json");
  CHECK(again.code == 1);
  auto second = nlohmann::json::parse(again.out)["failures"][0];
  CHECK(second["reason"] == shrunk["reason"]);
  CHECK(second["kind"] == json["failures"][0]["kind"]);
  CHECK(second["acted"] == 1);
}

TEST_CASE("the text output names the remaining faults and the command that shows them again") {
  auto seed = failing_seed();
  auto [code, out] = run_atoll(fmt::format("{} --seed {} --shrink", forgetful, seed));
  CHECK(code == 1);
  CHECK(contains(out, "shrunk in "));
  CHECK(contains(out, "crash"));
  auto traced = run_atoll(replay_in(out) + " --trace");
  CHECK(traced.code == 1);
  CHECK(contains(traced.out, "replica 1 starts as incarnation 2"));
  CHECK(contains(traced.out, "VIOLATION"));
}

TEST_CASE("a failing run and its shrunk run are drawn up to the failure, the same each time") {
  temporary_folder folder;
  auto seed = failing_seed();
  auto draw = [&](const std::string& name, const std::string& more) {
    auto file = folder / name;
    auto done = run_atoll(
        fmt::format("{} --seed {} --diagram {} {}", forgetful, seed, file.string(), more));
    CHECK_MESSAGE(done.code == 1, done.out);
    return content(file);
  };
  auto once = draw("once.svg", "");
  CHECK(once.starts_with("<?xml"));
  CHECK(once.ends_with("</svg>\n"));
  CHECK(contains(once, "replica 1</text>"));
  CHECK(contains(once, "class=\"violation\""));
  CHECK(contains(once, fmt::format("seed {}", seed)));
  CHECK(once == draw("again.svg", ""));
  auto small = draw("small.svg", "--shrink");
  CHECK(contains(small, "--only "));
  CHECK(contains(small, "class=\"violation\""));
  CHECK(draw("few.svg", "--events 10").size() < once.size());
  auto never =
      run_atoll(fmt::format("{} --seed {} --diagram /no/such/folder/it.svg", forgetful, seed));
  CHECK(never.code == 2);
  CHECK(contains(never.out, "can't be written"));
}

TEST_CASE("a run without a failure is drawn with its replicas, leader and clients") {
  temporary_folder folder;
  auto file = folder / "it.svg";
  auto done =
      run_atoll(fmt::format("simulate two_phase_commit --path {} --seed 3 --faults none --diagram "
                            "{} --from 1s --until 1100ms",
                            ATOLL_PLUGINS, file.string()));
  CHECK_MESSAGE(done.code == 0, done.out);
  auto svg = content(file);
  for (auto part : {"replica 1</text>", "replica 2</text>", "replica 3</text>", "class=\"message\"",
                    "class=\"request\"", "from 1.0", " to 1.0"})
    CHECK_MESSAGE(contains(svg, part), part);
  CHECK(!contains(svg, "class=\"violation\""));
}

TEST_CASE("arguments that contradict each other are refused with the reason") {
  CHECK(run_atoll(forgetful + " --shrink").code == 2);
  CHECK(run_atoll(forgetful + " --diagram it.svg").code == 2);
  CHECK(run_atoll(forgetful + " --seed 1 --until 1s").code == 2);
  auto bad = run_atoll(forgetful + " --seed 1 --only loss:1");
  CHECK(bad.code == 2);
  CHECK(contains(bad.out, "'loss:1' names no faults"));
  CHECK(run_atoll(forgetful + " --seed 1 --without all").code == 2);
}
