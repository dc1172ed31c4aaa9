#include "run_atoll.hpp"

namespace fs = std::filesystem;

namespace {

/// A folder with a plugin for each outcome of loading.
class plugin_folder : public temporary_folder {
 public:
  plugin_folder() {
    for (auto name : {"first.so", "silent.so", "major.so"})
      fs::copy_file(fs::path{LOADER_TEST_PLUGINS} / name, *this / name);
  }
};

} // namespace

TEST_CASE("the list has a line for each plugin, followed by the refused libraries") {
  plugin_folder folder;
  auto [code, out] = run_atoll("plugin list --path " + folder.path().string());
  CHECK(code == 0);
  CHECK(out == fmt::format(R"(KIND       NAME    VERSION  SPI  FILE
balancer   first   1.2.3    2.0  {0}/first.so
consensus  silent  0.1.0    2.2  {0}/silent.so

Refused:
  {0}/major.so: is built for balancer interface 99.0, expected 2.0; build it against this version's headers
)",
                           folder.path().string()));
}

TEST_CASE("the list can be restricted to a kind, read several folders, and be printed as JSON") {
  plugin_folder folder;
  temporary_folder empty;
  auto [code, out] =
      run_atoll(fmt::format("plugin list --kind consensus --json --path {} --path {}",
                            empty.path().string(), folder.path().string()));
  CHECK(code == 0);
  auto json = nlohmann::json::parse(out);
  REQUIRE(json["plugins"].size() == 1);
  CHECK(json["plugins"][0]["name"] == "silent");
  CHECK(json["plugins"][0]["file"] == (folder / "silent.so").string());
  CHECK(json["search_path"].size() == 2);
  auto none = run_atoll("plugin list --path " + empty.path().string());
  CHECK(none.code == 0);
  CHECK(none.out == "no plugins in " + empty.path().string() + "\n");
}

TEST_CASE("a plugin is shown with its claims and options") {
  plugin_folder folder;
  auto [code, out] = run_atoll("plugin show first --path " + folder.path().string());
  CHECK(code == 0);
  CHECK(out == fmt::format(R"(first 1.2.3, a balancer plugin
Picks what it is told to

File      {}
Licence   MIT
SPI       balancer 2.0, gnu_libstdcxx_cxx11

Claims
  shares = uniform

Options
  index  integer, 0 to 9, default 3
         which member is picked
)",
                           (folder / "first.so").string()));
  auto json = nlohmann::json::parse(
      run_atoll("plugin show first --json --path " + folder.path().string()).out);
  CHECK(json["claims"]["shares"] == "uniform");
  CHECK(json["options"][0]["default"] == "3");
}

TEST_CASE(
    "a consensus plugin is shown with its protocol versions and the options that members must "
    "agree on") {
  plugin_folder folder;
  fs::copy_file(fs::path{LOADER_TEST_PLUGINS} / "bounded.so", folder / "bounded.so");
  auto path = " --path " + folder.path().string();
  auto text = run_atoll("plugin show bounded" + path).out;
  CHECK_MESSAGE(contains(text, "\nProtocol  2 to 3\n"), text);
  CHECK_MESSAGE(contains(text, R"(
  reason  text, default "it is silent"; must agree in a group
          why nothing happens
  pause   duration, default "1s"
          how long nothing happens
)"),
                text);
  auto json = nlohmann::json::parse(run_atoll("plugin show bounded --json" + path).out);
  CHECK(json["protocol_versions"] == nlohmann::json{{"min", 2}, {"max", 3}});
  CHECK(json["options"][0]["must_agree"] == true);
  CHECK(json["options"][1]["must_agree"] == false);
  json = nlohmann::json::parse(run_atoll("plugin show first --json" + path).out);
  CHECK_FALSE(json.contains("protocol_versions"));
  CHECK_FALSE(json["options"][0].contains("must_agree"));
}

TEST_CASE("a plugin that can't be shown is reported with an exit code") {
  plugin_folder folder;
  auto path = " --path " + folder.path().string();
  auto missing = run_atoll("plugin show frist" + path);
  CHECK(missing.code == 1);
  CHECK(contains(missing.out, "atoll: there is no plugin 'frist'"));
  CHECK(contains(missing.out, "did you mean 'first'?"));
  auto refused = run_atoll("plugin show major" + path);
  CHECK(refused.code == 1);
  CHECK(contains(refused.out, "is built for balancer interface 99.0, expected 2.0"));
  auto other = run_atoll("plugin show first --kind recovery" + path);
  CHECK(other.code == 1);
  CHECK(contains(other.out, "expected a recovery plugin"));
}

TEST_CASE("an invalid command line has an exit code of its own") {
  for (auto arguments : {"", "plugin", "plugin show", "plugin list --kind x", "plugin list extra",
                         "plugins", "plugin list --colour"})
    CHECK_MESSAGE(run_atoll(arguments).code == 2, arguments);
  for (auto arguments : {"--help", "--version", "plugin --help", "plugin show --help"})
    CHECK_MESSAGE(run_atoll(arguments).code == 0, arguments);
}

TEST_CASE("a library that ends the process while it is loaded is reported, and the tool "
          "continues") {
  temporary_folder folder;
  for (auto name : {"aborts.so", "exits.so", "first.so"})
    fs::copy_file(fs::path{LOADER_TEST_PLUGINS} / name, folder / name);
  auto path = " --path " + folder.path().string();
  auto told = [&](const std::string& command, const std::string& file, const std::string& how) {
    CAPTURE(command);
    auto [code, out] = run_atoll(command);
    CHECK(code == (command.starts_with("plugin") ? 1 : 2));
    CHECK(out == fmt::format("atoll: {}: {}\n", (folder / file).string(), how));
  };
  const std::string crashed = "crashed while loading (signal ABRT)";
  const std::string ended = "ended the process while loading (exit code 0)";
  told("plugin show aborts" + path, "aborts.so", crashed);
  told("plugin show exits" + path, "exits.so", ended);
  told("verify aborts" + path, "aborts.so", crashed);
  told("verify " + (folder / "exits.so").string(), "exits.so", ended);
  auto listed = run_atoll("plugin list" + path);
  CHECK(listed.code == 0);
  for (auto name : {"aborts", "exits", "first"})
    CHECK(contains(listed.out, name));
}

TEST_CASE("every help text describes the exit codes in the same words") {
  auto all = run_atoll("--help").out;
  auto codes = all.substr(all.find("Exit codes:"));
  CHECK(contains(codes, "0 all is as it should be"));
  for (auto command :
       {"plugin", "plugin list", "plugin show", "verify", "simulate", "check-history"}) {
    auto help = run_atoll(std::string{command} + " --help").out;
    CAPTURE(command);
    CHECK(help.find("Exit codes:") == help.rfind("Exit codes:"));
    CHECK(contains(help, codes));
  }
}
