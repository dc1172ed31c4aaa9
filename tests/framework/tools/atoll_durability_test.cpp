#include "run_atoll.hpp"

#include <map>

namespace {

/// Recovery schemes and a cluster, and the folder of this tree's plugins.
struct compared_schemes {
  temporary_folder folder;

  std::string write(std::string_view name, std::string_view text) const {
    return folder.write(name, text).string();
  }
  std::string two_copies() const {
    return write("two.toml", "[recovery]\nplugin = \"replicate\"\noptions = { copies = 2 }\n");
  }
  /// Nodes fail after 1,000 hours, and take hours to be rebuilt.
  std::string cluster(std::string_view more = "") const {
    return write("c.toml", fmt::format("nodes = 40\nzones = 8\nchunks = 2000\n"
                                       "node_mttf = \"1000h\"\ndetection = \"1h\"\n"
                                       "repair_rate = \"5MiB\"\nyears = 0.25\nruns = 400\n{}",
                                       more));
  }
  outcome run(const std::string& arguments) const {
    return run_atoll("compare --durability " + arguments + " --path '" ATOLL_PLUGINS "'");
  }
  nlohmann::json json(std::string_view name) const {
    return nlohmann::json::parse(std::ifstream{folder / name});
  }
  /// What is measured of each scheme, by its label.
  std::map<std::string, nlohmann::json> figures(const std::string& schemes,
                                                const std::string& cluster) const {
    auto [code, out] = run(
        fmt::format("{} --cluster {} --json {}", schemes, cluster, (folder / "out.json").string()));
    CAPTURE(out);
    REQUIRE(code == 0);
    std::map<std::string, nlohmann::json> found;
    auto report = json("out.json"); // named: a loop doesn't keep a temporary alive
    for (auto& each : report["schemes"])
      found[each["label"]] = each;
    return found;
  }
};

} // namespace

TEST_CASE("recovery schemes are compared for durability, in text, JSON and a picture") {
  compared_schemes it;
  auto [code, out] =
      it.run(fmt::format("{} reed_solomon --cluster {} --json {} --svg {} --seed 4",
                         it.two_copies(), it.cluster("name = \"reef\"\n"),
                         (it.folder / "out.json").string(), (it.folder / "out.svg").string()));
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(out.starts_with("reef: 40 nodes in 8 zones, 2000 chunks of 64MiB spread at random\n"));
  CHECK(contains(out, "\ntwo "));
  CHECK(contains(out, "\nreed_solomon "));
  auto json = it.json("out.json");
  CHECK(json["schema"] == "atoll.durability/1");
  CHECK(json["seed"] == 4);
  CHECK(json["schemes"][0]["label"] == "two");
  CHECK(json["schemes"][1]["fragments"] == 6);
  std::ifstream picture{it.folder / "out.svg"};
  CHECK(contains(std::string{std::istreambuf_iterator<char>{picture}, {}}, ">two<"));
}

TEST_CASE(
    "what is measured of copies and codes lies near the formulas, and costs are the plugins'") {
  compared_schemes it;
  auto cluster = it.cluster();
  auto found = it.figures("replicate reed_solomon local_reconstruction retransmit", cluster);
  for (auto scheme : {"replicate", "reed_solomon"}) {
    CAPTURE(scheme);
    auto loss = found[scheme]["formula"]["loss"].get<double>();
    CHECK(found[scheme]["measured"]["loss_low"] <= loss * 1.1);
    CHECK(found[scheme]["measured"]["loss_high"] >= loss / 1.1);
  }
  CHECK(found["reed_solomon"]["measured"]["runs_with_loss"] > 10);
  CHECK(found["retransmit"]["measured"]["loss"] == 1);
  CHECK(found["replicate"]["cost"]["stored"] == 3);
  CHECK(found["reed_solomon"]["cost"]["rebuild_reads"].get<double>() == doctest::Approx(4));
  CHECK(found["reed_solomon"]["cost"]["small_read"]["one_away"].get<double>() ==
        doctest::Approx(4));
  CHECK(found["local_reconstruction"]["cost"]["small_read"]["one_away"].get<double>() ==
        doctest::Approx(6));
  // One in seven sets of four losses is fatal to 12 + 2 + 2.
  CHECK(found["local_reconstruction"]["survives_more"].get<double>() ==
        doctest::Approx(1568.0 / 1820));
}

TEST_CASE("keepers lose about as much as the model says") {
  compared_schemes it;
  auto found =
      it.figures(it.two_copies() + " replicate reed_solomon --keeper-runs 150", it.cluster());
  for (auto scheme : {"two", "replicate", "reed_solomon"}) {
    CAPTURE(scheme);
    CHECK(found[scheme]["keeper"]["runs"] == 150);
    CHECK(found[scheme]["agree"] == true);
  }
  CHECK(found["reed_solomon"]["keeper"]["runs_with_loss"] > 5);
}

TEST_CASE("no keeper runs if none is wanted") {
  compared_schemes it;
  auto [code, out] = it.run("replicate --keeper-runs 0 --cluster " + it.cluster());
  CHECK(code == 0);
  CHECK_FALSE(contains(out, "ANY CHUNK LOST"));
}

TEST_CASE("one window of the keeper's runs is told event by event") {
  compared_schemes it;
  auto cluster = it.cluster();
  auto found = it.figures("reed_solomon --keeper-runs 60 --seed 2", cluster);
  auto& first = found["reed_solomon"]["keeper"]["first_loss"];
  REQUIRE(first.is_string());
  auto [code, out] = it.run(fmt::format("reed_solomon --cluster {} --seed 2 --keeper-window {}",
                                        cluster, first.get<std::string>()));
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(contains(out, "is lost for good\n"));
  CHECK(contains(out, " is lost\n"));
  CHECK_FALSE(contains(out, "chunks lost: 0\n"));
}

TEST_CASE("without a cluster's file all its keys have their defaults") {
  compared_schemes it;
  auto [code, out] = it.run("replicate");
  CAPTURE(out);
  CHECK(code == 0);
  CHECK(out.starts_with("durability: 60 nodes in 6 zones, 20000 chunks of 64MiB"));
}

TEST_CASE("what can't be compared for durability is told with its place") {
  compared_schemes it;
  auto told = [&](const std::string& arguments, const std::string& part) {
    auto [code, out] = it.run(arguments);
    CAPTURE(arguments);
    CAPTURE(out);
    CHECK(code == 2);
    CHECK(contains(out, part));
  };
  told("", "compare --durability takes recovery schemes, as names of plugins or files");
  told("/nowhere.toml", "/nowhere.toml can't be read");
  told("replicat", "there is no recovery plugin 'replicat'");
  auto balancer = it.write("a.toml", "[balancer]\nplugin = \"random\"\n");
  told(balancer, balancer + ":1:1: has no [recovery]");
  auto option = it.write("b.toml", "[recovery]\nplugin = \"replicate\"\noptions = { x = 1 }\n");
  told(option, option + ":3:13: ");
  auto refused =
      it.write("d.toml", "[recovery]\nplugin = \"local_reconstruction\"\noptions = { k = 5 }\n");
  told(refused, refused + ":2:10: ");
  auto zones = it.write("e.toml", "nodes = 3\nzones = 5\n");
  told("replicate --cluster " + zones, zones + ":2:9: zones is 5");
  auto few = it.write("f.toml", "nodes = 5\nzones = 5\n");
  told("reed_solomon --cluster " + few, "'reed_solomon' stores a chunk as 6 fragments");
  told("replicate --json /nowhere/x", "cannot write /nowhere/x");
  told("replicate --keeper-window 3", "--keeper-window is '3', expected a run and a window");
  told("replicate --keeper-window 3:x", "--keeper-window is '3:x'");
  told("replicate --keeper-window 0:1", "--keeper-window is '0:1'");
  told("replicate --keeper-window 1:100000", "run 1 has no window 100000");
  told("replicate retransmit --keeper-window 1:1", "name only one");
  told("replicate --keeper-window 1:1 --keeper-runs 3", "--keeper-window");
  auto unknown = it.write("g.toml", "balancer = \"nobody\"\n");
  told("replicate --cluster " + unknown, unknown + ": there is no balancer plugin 'nobody'");
  told("replicate --availability", "--availability");
  told("replicate --section reads", "--section");
  auto [code, out] = run_atoll("compare random --cluster " + few + " --path '" ATOLL_PLUGINS "'");
  CHECK(code == 2);
  CHECK(contains(out, "--cluster requires --durability"));
}
