#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <signal.h>
#include <string>
#include <vector>

/// Policies that a cluster can't keep: refused with what would do instead, or shown by its status.
namespace {

cluster_shape shape_of(int storages) {
  cluster_shape shape;
  shape.storages = storages;
  shape.files += "\ngrace = \"1s\"";
  return shape;
}

void check_refused(test_cluster& cluster, std::vector<std::string> changes,
                   const std::string& says) {
  changes.insert(changes.begin(), {"policy", "set", "/"});
  auto set = cluster.dfs(changes);
  CHECK(set.code == 1);
  CHECK_MESSAGE(contains(set.err, says), set.err);
}

} // namespace

TEST_CASE("options that would do are proposed, and do") {
  test_cluster cluster{shape_of(5)};
  cluster.up();
  check_refused(cluster, {"copies=6"}, "at most 5 fragments, such as copies=5");
  check_refused(cluster, {"recovery=reed_solomon", "k=4", "m=2"}, "such as k=3 or m=1");
  check_refused(cluster, {"recovery=local_reconstruction", "k=4", "groups=1", "globals=1"},
                "such as k=3");
  check_refused(cluster, {"recovery=local_reconstruction"}, "at most 5 fragments\n");
  CHECK(cluster.dfs({"policy", "set", "/", "recovery=reed_solomon", "k=3", "m=2"}).code == 0);
}

TEST_CASE("a storage node that is drained has no room") {
  test_cluster cluster{shape_of(4)};
  cluster.up();
  auto drained = cluster.dfs({"admin", "storage", "drain", "storage-4"});
  REQUIRE_MESSAGE(drained.code == 0, drained.err);
  check_refused(cluster, {"copies=4"}, "of the cluster's 4 only 3 take data");
  check_refused(cluster, {"copies=4"}, "such as copies=3");
  REQUIRE(cluster.dfs({"admin", "storage", "drain", "storage-4", "--cancel"}).code == 0);
  CHECK(cluster.dfs({"policy", "set", "/", "copies=4"}).code == 0);
}

TEST_CASE("a key that is given twice is refused") {
  test_cluster cluster{shape_of(3)};
  cluster.up();
  auto set = cluster.dfs({"policy", "set", "/", "copies=2", "copies=3"});
  CHECK(set.code == 2);
  CHECK_MESSAGE(contains(set.err, "copies=3: 'copies' is given twice"), set.err);
}

TEST_CASE("status names a policy whose plugin is missing at the leading master") {
  auto shape = shape_of(3);
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/coded"}).code == 0);
  REQUIRE(cluster.dfs({"policy", "set", "/coded", "recovery=reed_solomon", "k=2", "m=1"}).code ==
          0);
  REQUIRE(cluster.dfs({"put", "-", "/coded/file"}, random_bytes(100'000, 1)).code == 0);
  REQUIRE(cluster.dfs({"status"}).code == 0);

  auto plugins = cluster.folder() / "plugins";
  auto installed = program("dfsd").parent_path().parent_path() / "lib/atoll/plugins";
  std::filesystem::copy(installed, plugins);
  REQUIRE(std::filesystem::remove(plugins / "reed_solomon.so"));
  cluster.kill("master-1", SIGTERM);
  cluster.wait_for_exit("master-1");
  shape.plugin_path = fmt::format("path = ['{}']", plugins.string());
  cluster.write_configuration(shape);
  cluster.start("master-1");
  // Until the storage nodes are heard, writes are refused.
  eventually("the status names the policy", [&] {
    auto status = cluster.dfs({"status"});
    return status.code == 8 && contains(status.out, "the leading master can't use policy 2") &&
           contains(status.out, "there is no recovery plugin 'reed_solomon'");
  });
}
