#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <string>

// A node that joins empty is filled from the others, at the operator's word.

namespace {

using nlohmann::json;

constexpr int files = 12;
constexpr std::size_t file_bytes = 600'000;

/// A share of the disk that all nodes of the cluster are on.
std::string share_of_disk(const test_cluster& cluster, double bytes) {
  struct statvfs disk {};
  REQUIRE(::statvfs(cluster.folder().c_str(), &disk) == 0);
  return fmt::format(
      "{:.15f}", bytes / (static_cast<double>(disk.f_blocks) * static_cast<double>(disk.f_frsize)));
}

void set(test_cluster& cluster, const std::string& change) {
  auto changed = cluster.dfs({"admin", "set", change});
  REQUIRE_MESSAGE(changed.code == 0, changed.err);
}

json dry_run(test_cluster& cluster) {
  auto plan = cluster.dfs({"--json", "admin", "rebalance", "--dry-run"});
  return plan.code == 0 ? json::parse(plan.out) : json{};
}

} // namespace

TEST_CASE("a dry run names the node that joined empty, and rebalancing fills it") {
  cluster_shape shape;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ngrace = \"4s\"\n[rebalance]\n"
                "threshold = 0.0\nrate = \"1\""; // next to nothing
  test_cluster cluster{shape};
  cluster.up();
  for (int i = 0; i < files; ++i)
    REQUIRE(cluster
                .dfs({"put", "-", fmt::format("/f{}", i)},
                     random_bytes(file_bytes, static_cast<std::uint64_t>(i)))
                .code == 0);
  auto off = cluster.dfs({"admin", "rebalance"});
  CHECK(off.code == 1);
  CHECK_MESSAGE(contains(off.err, "rebalance.threshold is 0"), off.err);

  shape.storages = 4;
  cluster.write_configuration(shape);
  cluster.start("storage-4");
  cluster.wait_for_health("storage-4", "up");
  set(cluster, "rebalance.threshold=" + share_of_disk(cluster, 1'000'000));
  json plan;
  eventually("the other nodes are overfull", [&] {
    plan = dry_run(cluster);
    return plan.is_object() && plan["nodes"].size() == 4 && plan["moves"].size() == 3;
  });
  for (auto& move : plan["moves"])
    CHECK(move["to"] == "storage-4");
  auto shown = cluster.dfs({"admin", "rebalance", "--dry-run"});
  CHECK(shown.code == 0);
  CHECK_MESSAGE(contains(shown.out, "storage-1 -> storage-4: about "), shown.out);
  CHECK_MESSAGE(contains(shown.out, "1 B a second"), shown.out);

  set(cluster, "rebalance.rate=0");
  auto begun = cluster.dfs({"admin", "rebalance"});
  CHECK_MESSAGE(begun.code == 0, begun.err);
  eventually("nothing is left to do", [&] {
    plan = dry_run(cluster);
    return plan.is_object() && plan["moves"].empty() && plan["under_way"] == 0;
  });
  CHECK(contains(cluster.dfs({"admin", "rebalance", "--dry-run"}).out, "nothing is left to do"));
  CHECK(cluster.chunk_files("storage-4").size() * 64 * 1024 > 3'000'000);
  auto check = cluster.dfs({"check", "--repair"});
  CHECK_MESSAGE(check.code == 0, (check.out + check.err));
  for (int i = 0; i < files; ++i)
    CHECK((cluster.dfs({"get", fmt::format("/f{}", i), "-"}).out ==
           random_bytes(file_bytes, static_cast<std::uint64_t>(i))));
}
