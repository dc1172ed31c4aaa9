#include "contains.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstddef>
#include <string>

/// A cluster all of whose plugins are `faulty`: a tenth of what they do fails. Files are stored and
/// read, and no byte is wrong.
namespace {

constexpr std::size_t chunk = std::size_t{256} << 10;

cluster_shape rehearsal() {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 4;
  shape.consensus = "faulty";
  shape.consensus_options =
      "plugin = \"raft\", options = \"heartbeat=50ms,election_timeout=500ms\", "
      "fail = 0.1, repeat = 0.1, garble = 0.1, delay = 0.1";
  shape.placement = "faulty";
  shape.placement_options = "plugin = \"round_robin\", fail = 0.1, garble = 0.1, delay = 0.1";
  shape.reads = "faulty";
  shape.reads_options = "plugin = \"random\", fail = 0.1, garble = 0.1, delay = 0.1";
  shape.recovery = "faulty";
  shape.recovery_options = "plugin = \"reed_solomon\", options = \"k=2,m=2\", "
                           "fail = 0.1, garble = 0.1, delay = 0.1";
  shape.files = "chunk_size = \"256KiB\"\ninline_limit = 0\ndead_after = \"1h\"";
  return shape;
}

} // namespace

TEST_CASE("a cluster whose plugins fail in a tenth of all calls loses and changes nothing") {
  test_cluster cluster{rehearsal()};
  cluster.up();
  constexpr int files = 12;
  auto content = [](int file) {
    return random_bytes(chunk * (1 + static_cast<std::size_t>(file) % 3) + 1000,
                        static_cast<std::uint64_t>(file));
  };
  for (int file = 0; file < files; ++file)
    eventually("a file is stored", [&] {
      auto put = cluster.dfs({"put", "-", fmt::format("/f{}", file)}, content(file));
      return put.code == 0;
    });
  for (int round = 0; round < 3; ++round)
    for (int file = 0; file < files; ++file)
      eventually("a file is read", [&] {
        auto got = cluster.dfs({"get", fmt::format("/f{}", file), "-"});
        if (got.code == 0)
          CHECK((got.out == content(file)));
        return got.code == 0;
      });
  for (auto& node : cluster.names())
    CHECK(cluster.is_running(node));
}

TEST_CASE("the options of a wrapped plugin are checked like its own") {
  auto shape = rehearsal();
  shape.recovery_options = "plugin = \"reed_solomon\", options = \"k=2,n=2\"";
  test_cluster cluster{shape};
  auto checked = run_program(
      {program("dfsd").string(), "--config", cluster.config_of("master-1").string(), "--check"});
  CHECK(checked.code != 0);
  CHECK_MESSAGE(contains(checked.err, "unknown option 'n'"), checked.err);
}
