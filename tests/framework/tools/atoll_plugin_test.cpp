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

TEST_CASE("the list has every plugin in a line, and below them what is refused") {
  plugin_folder folder;
  auto [code, out] = run_atoll("plugin list --path " + folder.path().string());
  CHECK(code == 0);
  CHECK(out == fmt::format(R"(KIND       NAME    VERSION  SPI  FILE
balancer   first   1.2.3    2.0  {0}/first.so
consensus  silent  0.1.0    2.0  {0}/silent.so

Refused:
  {0}/major.so: is built for balancer interface 99.0, expected 2.0; build it against this version's headers
)",
                           folder.path().string()));
}

TEST_CASE("the list can be of one kind, of several folders, and in JSON") {
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

TEST_CASE("what can't be shown is told, and the exit code says so") {
  plugin_folder folder;
  auto path = " --path " + folder.path().string();
  auto missing = run_atoll("plugin show frist" + path);
  CHECK(missing.code == 1);
  CHECK(holds(missing.out, "atoll: there is no plugin 'frist'"));
  CHECK(holds(missing.out, "did you mean 'first'?"));
  auto refused = run_atoll("plugin show major" + path);
  CHECK(refused.code == 1);
  CHECK(holds(refused.out, "is built for balancer interface 99.0, expected 2.0"));
  auto other = run_atoll("plugin show first --kind recovery" + path);
  CHECK(other.code == 1);
  CHECK(holds(other.out, "expected a recovery plugin"));
}

TEST_CASE("a command line that makes no sense has an exit code of its own") {
  for (auto arguments : {"", "plugin", "plugin show", "plugin list --kind x", "plugin list extra",
                         "plugins", "plugin list --colour"})
    CHECK_MESSAGE(run_atoll(arguments).code == 2, arguments);
  for (auto arguments : {"--help", "--version", "plugin --help", "plugin show --help"})
    CHECK_MESSAGE(run_atoll(arguments).code == 0, arguments);
}

TEST_CASE("a library that ends its process while it loads is told, and the tool goes on") {
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
    CHECK(holds(listed.out, name));
}

TEST_CASE("the exit codes are told in one way, in every help") {
  auto all = run_atoll("--help").out;
  auto codes = all.substr(all.find("Exit codes:"));
  CHECK(holds(codes, "0 all is as it should be"));
  for (auto command :
       {"plugin", "plugin list", "plugin show", "verify", "simulate", "check-history"}) {
    auto help = run_atoll(std::string{command} + " --help").out;
    CAPTURE(command);
    CHECK(help.find("Exit codes:") == help.rfind("Exit codes:"));
    CHECK(holds(help, codes));
  }
}
