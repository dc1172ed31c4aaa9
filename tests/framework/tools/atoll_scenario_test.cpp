#include "run_atoll.hpp"

#include <fstream>
#include <iterator>

/// `atoll simulate PLUGIN --scenario NAME`, and the commands that `atoll verify` prints for one.
namespace {

const auto raft = fmt::format("simulate raft --path {}", std::string{ATOLL_PLUGINS});
const auto forgetful = fmt::format("simulate forgetful --path {}", std::string{BROKEN_PLUGINS});

std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of('\n');
  auto begin = text.rfind('\n', end);
  return text.substr(begin + 1, end - begin);
}

} // namespace

TEST_CASE("scenarios are listed with the names that run them") {
  auto list = run_atoll(raft + " --scenario list --json");
  CHECK(list.code == 0);
  auto all = nlohmann::json::parse(list.out);
  CHECK(all.size() > 10);
  auto text = run_atoll(raft + " --scenario list").out;
  for (auto& each : all) {
    std::string name = each["scenario"];
    CHECK_MESSAGE(contains(text, name), name);
    CHECK_MESSAGE(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos, name);
  }
  auto one = run_atoll(raft + " --scenario failed_sync --json");
  CHECK(one.code == 0);
  auto found = nlohmann::json::parse(one.out);
  CHECK(found["verdict"] == "kept");
  CHECK(found["cases"] == 3);
}

TEST_CASE("a failing scenario is traced up to the failure, and drawn") {
  temporary_folder folder;
  auto file = folder / "run.svg";
  auto run =
      run_atoll(fmt::format("{} --scenario crash_before_each_effect --trace --diagram {} >{}",
                            forgetful, file.string(), (folder / "out").string()));
  CHECK(run.code == 1);
  std::ifstream in{folder / "out"};
  std::string out{std::istreambuf_iterator<char>{in}, {}};
  auto trace = out.substr(0, out.find("forgetful 1.0.0, scenario"));
  CHECK(contains(trace, "replica 1 starts as incarnation 2"));
  CHECK_MESSAGE(last_line(trace).starts_with("FAILED: 1 replicas: "), last_line(trace));
  std::ifstream picture{file};
  std::string svg{std::istreambuf_iterator<char>{picture}, {}};
  CHECK(contains(svg, "class=\"violation\""));
}

TEST_CASE("the command that verify prints for a scenario can be run unchanged") {
  auto [code, out] = run_atoll(fmt::format(
      "verify forgetful --path {} --seeds 1 --option \"word=it's here\"", BROKEN_PLUGINS));
  CHECK(code == 1);
  auto at = out.find("replay: atoll simulate forgetful");
  REQUIRE_MESSAGE(at != std::string::npos, out);
  auto command = out.substr(at + 14, out.find('\n', at) - at - 14);
  CHECK_MESSAGE(contains(command, "--scenario "), command);
  CHECK_MESSAGE(contains(command, "--option 'word=it'\\''s here'"), command);
  auto again = run_atoll(command);
  CHECK_MESSAGE(again.code == 1, again.out);
  CHECK(contains(again.out, "broken"));
}

TEST_CASE("a plugin that ends the process is reported with the property that was being checked") {
  auto [code, out] = run_atoll(
      fmt::format("verify forgetful --path {} --seeds 1 --option word=abort", BROKEN_PLUGINS));
  CHECK(code == 1);
  CHECK_MESSAGE(contains(out,
                         "broken   a replica crashes before each effect [safe_with_crashes]: it "
                         "crashes: Aborted"),
                out);
}

TEST_CASE("a protocol passes with replica ids that the caller chooses") {
  auto [code, out] = run_atoll(
      raft + " --scenario leader_lost_ten_times --replicas 4 --ids 300,70000,4294967295,1,2,3");
  CHECK_MESSAGE(code == 0, out);
  CHECK(run_atoll(raft + " --seeds 5 --ids 300,70000,4294967295,1,2").code == 0);
}

TEST_CASE("arguments that contradict a scenario are refused with the reason") {
  auto told = [](const std::string& arguments, const std::string& what) {
    auto [code, out] = run_atoll(raft + arguments);
    CHECK(code == 2);
    CHECK_MESSAGE(contains(out, what), out);
  };
  told(" --scenario failed_sink", "there is no scenario 'failed_sink'");
  told(" --scenario failed_sync --seed 3", "excludes");
  told(" --scenario failed_sync --ids 1,2", "--ids names 2 replicas");
  told(" --seeds 3 --ids 1,2,3,4,4", "--ids names an id twice");
  told(" --trace", "by --seed or --scenario");
}
