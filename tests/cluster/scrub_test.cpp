#include "contains.hpp"
#include "storage/scrub_file.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <fstream>

// `dfs scrub`, and the reading that storage nodes do by themselves.

namespace {

using nlohmann::json;

constexpr std::size_t chunk_bytes = 64 << 10;

/// Turns over one bit of a file.
void flip_bit(const std::filesystem::path& file, std::int64_t offset) {
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  bytes.seekg(offset);
  auto flipped = static_cast<char>(bytes.get() ^ 0x10);
  bytes.seekp(offset);
  bytes.put(flipped);
  REQUIRE(bytes.good());
}

json scrub_of(test_cluster& cluster, const std::string& node) {
  auto status = cluster.status();
  for (auto& storage : status["storages"])
    if (storage["name"] == node)
      return storage["scrub"];
  return {};
}

} // namespace

TEST_CASE("a scrub of all nodes finds a byte that has changed in a copy that nobody reads") {
  test_cluster cluster;
  cluster.up();
  auto data = random_bytes(5 * chunk_bytes, 1);
  REQUIRE(cluster.dfs({"put", "-", "/f"}, data).code == 0);
  auto sound = cluster.dfs({"scrub", "--now"});
  CHECK_MESSAGE(sound.code == 0, (sound.out + sound.err));
  CHECK_MESSAGE(contains(sound.out, "storage-2: sound: 320.0 KiB read"), sound.out);
  flip_bit(cluster.chunk_files("storage-2").at(3), 1000);
  auto damaged = cluster.dfs({"scrub", "--now"});
  CHECK_MESSAGE(damaged.code == 1, (damaged.out + damaged.err));
  CHECK_MESSAGE(contains(damaged.out, "storage-2: damaged: 1 fragment of "), damaged.out);
  CHECK_MESSAGE(contains(damaged.out, "storage-1: sound"), damaged.out);
  eventually("the status shows it", [&] {
    auto scrub = scrub_of(cluster, "storage-2");
    return scrub.is_object() && scrub["damaged"] == 1 && scrub["last_finding"] != "";
  });
  auto status = cluster.dfs({"status"});
  CHECK_MESSAGE(contains(status.out, "found by the scrub: fragment "), status.out);
  CHECK_MESSAGE(contains(status.out, "scrubbed "), status.out);
  CHECK(cluster.dfs({"cat", "/f"}).out == data);
  auto again = cluster.dfs({"--json", "scrub"}); // at the configured rate
  CHECK_MESSAGE(again.code == 0, (again.out + again.err));
  auto read = json::parse(again.out);
  CHECK(read["verdict"] == "sound");
  CHECK(read["nodes"].size() == 3);
}

TEST_CASE("a scrub of a file reads all its fragments, and says which are damaged or gone") {
  test_cluster cluster;
  cluster.up();
  REQUIRE(cluster.dfs({"mkdir", "/d"}).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/d/f"}, random_bytes(3 * chunk_bytes, 2)).code == 0);
  REQUIRE(cluster.dfs({"put", "-", "/d/g"}, random_bytes(2 * chunk_bytes, 3)).code == 0);
  auto sound = cluster.dfs({"scrub", "/d"});
  CHECK_MESSAGE(sound.code == 0, (sound.out + sound.err));
  CHECK(sound.out == "/d/f: sound: 9 fragments read\n/d/g: sound: 6 fragments read\n");
  REQUIRE(cluster.dfs({"scrub", "--now"}).code == 0); // the first pass would find damage by itself
  auto victim = cluster.chunk_files("storage-3").front();
  flip_bit(victim, 7);
  auto name = victim.filename().string();
  auto found = cluster.dfs({"scrub", "/d"});
  CHECK_MESSAGE(found.code == 1, (found.out + found.err));
  CHECK_MESSAGE(contains(found.out, fmt::format("fragment {} on storage-3 was damaged", name)),
                found.out);
  eventually("the fragment is made anew", [&] {
    auto again = cluster.dfs({"--json", "scrub", "/d"});
    return again.code == 0 && contains(again.out, "\"verdict\":\"sound\"");
  });
  CHECK(cluster.dfs({"scrub", "/no such file"}).code == 3);
  CHECK(cluster.dfs({"scrub", "--now", "/d"}).code == 2);
}

TEST_CASE("a node that is down leaves a scrub without a verdict") {
  test_cluster cluster;
  cluster.up();
  cluster.kill("storage-1", SIGKILL);
  cluster.wait_for_health("storage-1", "down");
  auto scrub = cluster.dfs({"scrub", "--now"});
  CHECK_MESSAGE(scrub.code == 5, (scrub.out + scrub.err));
  CHECK_MESSAGE(contains(scrub.out, "storage-1: could not be scrubbed: "), scrub.out);
  CHECK_MESSAGE(contains(scrub.out, "storage-2: sound"), scrub.out);
}

TEST_CASE("a pass goes on where it was after a node is killed with kill -9") {
  cluster_shape shape;
  shape.storages = 1;
  shape.copies = 1;
  shape.node["storage-1"] = "\n[scrub]\nperiod = \"1000h\"\nrate = \"64KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  REQUIRE(cluster.dfs({"put", "-", "/f"}, random_bytes(100 * chunk_bytes, 4)).code == 0);
  auto ordered = start_program(
      {program("dfs").string(), "-c", (cluster.folder() / "cluster.toml").string(), "scrub"});
  auto file = (cluster.data_of("storage-1") / "scrub").string();
  dfs::scrub_position before;
  eventually("the position of the ordered pass is saved", [&] {
    if (auto saved = dfs::load_scrub_position(file))
      before = *saved;
    return before.run != 0 && before.status.done_bytes >= 2 * chunk_bytes;
  });
  cluster.kill("storage-1", SIGKILL);
  cluster.start("storage-1");
  cluster.wait_for_health("storage-1", "up");
  eventually("the pass goes on", [&] {
    auto scrub = scrub_of(cluster, "storage-1");
    return scrub.is_object() && scrub["began_us"] == before.status.began_us &&
           scrub["done_bytes"] > before.status.done_bytes;
  });
  ::kill(ordered, SIGKILL);
  (void)wait_for(ordered);
}
