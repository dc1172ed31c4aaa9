#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <signal.h>
#include <string>

/// What is broken in a cluster is mended, without anybody asking for it.
namespace {

namespace fs = std::filesystem;

cluster_shape mending_cluster(int storages = 4) {
  cluster_shape shape;
  shape.storages = storages;
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = 0\ndead_after = \"8s\"\ngrace = \"4s\"\n"
                "collection_interval = \"200ms\"";
  return shape;
}

void put_files(test_cluster& cluster, int count, std::size_t bytes = 60'000) {
  for (int i = 0; i < count; ++i) {
    auto put = cluster.dfs({"put", "-", fmt::format("/f{}", i)},
                           random_bytes(bytes, static_cast<std::uint64_t>(i)));
    REQUIRE_MESSAGE(put.code == 0, put.err);
  }
}

std::size_t fragments_on(test_cluster& cluster, const std::vector<std::string>& nodes) {
  std::size_t count = 0;
  for (auto& node : nodes)
    count += cluster.chunk_files(node).size();
  return count;
}

/// Waits until the files have all of their copies: a put succeeds with one copy fewer when a node
/// is slow, and the cluster makes the last copy afterwards.
void store_files(test_cluster& cluster, int count) {
  put_files(cluster, count);
  eventually("all files have three copies", [&] {
    return fragments_on(cluster, cluster.names()) == 3 * static_cast<std::size_t>(count);
  });
}

void check_files(test_cluster& cluster, int count, std::size_t bytes = 60'000) {
  for (int i = 0; i < count; ++i) {
    auto got = cluster.dfs({"get", fmt::format("/f{}", i), "-"});
    CHECK_MESSAGE(got.code == 0, got.err);
    CHECK((got.out == random_bytes(bytes, static_cast<std::uint64_t>(i))));
  }
}

bool is_whole(test_cluster& cluster) {
  auto status = cluster.status();
  return status.is_object() && status["copies"].is_object() &&
         status["copies"]["state"] == "counted" && status["copies"]["short"] == 0 &&
         status["repair"]["tasks"] == 0;
}

/// Ends the first pass of each node, which would find damage by itself.
void end_first_scrub(test_cluster& cluster) {
  auto scrubbed = cluster.dfs({"scrub", "--now"});
  REQUIRE_MESSAGE(scrubbed.code == 0, (scrubbed.out + scrubbed.err));
}

void flip_a_byte(const fs::path& file) {
  std::fstream opened{file, std::ios::in | std::ios::out | std::ios::binary};
  opened.seekg(1000);
  auto byte = static_cast<char>(opened.get() ^ 1);
  opened.seekp(1000);
  opened.put(byte);
}

} // namespace

TEST_CASE("when a storage node dies for good, its fragments are made anew on the others") {
  test_cluster cluster{mending_cluster()};
  cluster.up();
  store_files(cluster, 12);
  cluster.kill("storage-2", SIGKILL);
  eventually("all chunks have three copies again", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-1", "storage-3", "storage-4"}) == 36;
  });
  check_files(cluster, 12);
  auto log = cluster.log_of("master-1");
  CHECK(log.find("silent for too long") != log.npos);
  CHECK(log.find("is in order again") != log.npos);
}

TEST_CASE("when two storage nodes die at once, chunks with one copy left are mended first") {
  auto shape = mending_cluster(5);
  shape.files += "\n[repair]\nrate = \"400KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  store_files(cluster, 20);
  cluster.kill("storage-1", SIGKILL);
  cluster.kill("storage-2", SIGKILL);
  eventually("all chunks have three copies again", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-3", "storage-4", "storage-5"}) == 60;
  });
  check_files(cluster, 20);
  auto log = cluster.log_of("master-1");
  std::vector<char> spare;
  std::regex mended{R"(is in order again \(it could lose (\d) more\))"};
  for (std::sregex_iterator at{log.begin(), log.end(), mended}, end; at != end; ++at)
    spare.push_back((*at)[1].str()[0]);
  auto endangered = std::ranges::count(spare, '0');
  REQUIRE(endangered > 0);
  // Of those that come first some may end late, as their nodes stood still.
  CHECK(2 * std::count(spare.begin(), spare.begin() + endangered, '0') > endangered);
}

TEST_CASE("a killed node that returns keeps what is still wanted, and the surplus goes") {
  test_cluster cluster{mending_cluster()};
  cluster.up();
  put_files(cluster, 12);
  cluster.kill("storage-2", SIGKILL);
  eventually("its fragments are made anew", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-1", "storage-3", "storage-4"}) == 36;
  });
  cluster.start("storage-2");
  cluster.wait_for_health("storage-2", "up");
  eventually("each chunk has three copies",
             [&] { return is_whole(cluster) && fragments_on(cluster, cluster.names()) == 36; });
  check_files(cluster, 12);
}

TEST_CASE("a fragment that is deleted, cut or damaged on a node is replaced from another one") {
  test_cluster cluster{mending_cluster(3)};
  cluster.up();
  store_files(cluster, 4);
  end_first_scrub(cluster);
  auto files = cluster.chunk_files("storage-1");
  REQUIRE(files.size() == 4);
  fs::remove(files[0]);
  fs::resize_file(files[1], 100);
  flip_a_byte(files[2]);
  auto scrubbed = cluster.dfs({"scrub", "--now"});
  CHECK_MESSAGE(scrubbed.code == 1, (scrubbed.out + scrubbed.err)); // damage was found
  eventually("they are replaced",
             [&] { return is_whole(cluster) && cluster.chunk_files("storage-1").size() == 4; });
  eventually("all is in order", [&] { return cluster.dfs({"check"}).code == 0; });
  check_files(cluster, 4);
}

TEST_CASE("a storage node is drained while files are stored and read, and can be forgotten then") {
  test_cluster cluster{mending_cluster()};
  cluster.up();
  put_files(cluster, 10);
  auto drained = cluster.dfs({"admin", "storage", "drain", "storage-3"});
  REQUIRE_MESSAGE(drained.code == 0, drained.err);
  CHECK(drained.out.find("may be switched off") != drained.out.npos);
  put_files(cluster, 12);
  cluster.kill("storage-3", SIGKILL);
  check_files(cluster, 12);
  eventually("nothing is short of copies without the node", [&] { return is_whole(cluster); });
  auto forgotten = cluster.dfs({"admin", "storage", "forget", "storage-3"});
  CHECK_MESSAGE(forgotten.code == 0, forgotten.err);
}

TEST_CASE("a drain can be called off") {
  auto shape = mending_cluster();
  shape.files += "\n[repair]\nrate = \"10KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  put_files(cluster, 10);
  REQUIRE(cluster.dfs({"admin", "storage", "drain", "storage-3", "--no-wait"}).code == 0);
  REQUIRE(cluster.dfs({"admin", "storage", "drain", "storage-3", "--cancel"}).code == 0);
  CHECK(cluster.dfs({"admin", "storage", "drain", "storage-3", "--cancel"}).code != 0);
  CHECK(cluster.dfs({"admin", "storage", "forget", "storage-3"}).code != 0);
  put_files(cluster, 14);
  check_files(cluster, 14);
  eventually("all is in order",
             [&] { return is_whole(cluster) && fragments_on(cluster, cluster.names()) == 42; });
}

TEST_CASE("repairs go on after the leading master is killed twenty times, to the same end") {
  constexpr int kills = 20;
  constexpr int files = 48;
  auto shape = mending_cluster();
  shape.masters = 3;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.files += "\n[repair]\nrate = \"4KiB\""; // each leader mends a fragment or two
  test_cluster cluster{shape};
  cluster.up();
  store_files(cluster, files);
  cluster.kill("storage-2", SIGKILL);
  for (int i = 0; i < kills; ++i) {
    std::string leader;
    eventually("the leader mends a fragment", [&] {
      for (auto& view : cluster.masters())
        if (view.is_object() && view["seen_by"]["role"] == "leader" && view["repair"].is_object() &&
            view["repair"]["mended"].get<int>() + view["repair"]["adopted"].get<int>() > 0) {
          leader = view["seen_by"]["name"];
          return true;
        }
      return false;
    });
    cluster.kill(leader, SIGKILL);
    cluster.start(leader);
    cluster.must_lead_all();
  }
  CHECK_FALSE(is_whole(cluster)); // all kills were within one repair
  cluster.wait_until_writable();
  auto hurried = cluster.dfs({"admin", "set", "repair.rate=100MiB"});
  REQUIRE_MESSAGE(hurried.code == 0, hurried.err);
  eventually("all chunks have three copies again", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-1", "storage-3", "storage-4"}) == 3 * files;
  });
  check_files(cluster, files);
}

TEST_CASE("the rate of repairs is changed while the cluster runs") {
  auto shape = mending_cluster();
  shape.files += "\n[repair]\nrate = \"1KiB\"";
  test_cluster cluster{shape};
  cluster.up();
  put_files(cluster, 12);
  cluster.kill("storage-2", SIGKILL);
  eventually("a repair has begun", [&] {
    auto status = cluster.status();
    return status.is_object() && status["repair"].is_object() &&
           status["repair"]["bytes_copied"] > 0;
  });
  CHECK_FALSE(is_whole(cluster)); // the rest would take minutes
  auto wrong = cluster.dfs({"admin", "set", "repair.rate=fast"});
  CHECK(wrong.code != 0);
  CHECK(wrong.err.find("repair.rate") != wrong.err.npos);
  REQUIRE(cluster.dfs({"admin", "set", "repair.rate=100MiB"}).code == 0);
  eventually("all chunks have three copies again", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-1", "storage-3", "storage-4"}) == 36;
  });
  auto shown = cluster.dfs({"admin", "settings"});
  CHECK(shown.out.find("repair.rate            100MiB") != shown.out.npos);
}

TEST_CASE("repairs work after the masters were restarted, with every protocol") {
  auto shape = mending_cluster();
  SUBCASE("two_phase_commit") {}
  SUBCASE("raft") {
    shape.consensus = "raft";
  }
  SUBCASE("paxos") {
    shape.consensus = "paxos";
  }
  test_cluster cluster{shape};
  cluster.up();
  store_files(cluster, 6);
  end_first_scrub(cluster);
  flip_a_byte(cluster.chunk_files("storage-1").at(0));
  CHECK(cluster.dfs({"scrub", "--now"}).code == 1);
  eventually("the damaged fragment is made anew",
             [&] { return is_whole(cluster) && fragments_on(cluster, cluster.names()) == 18; });
  for (int i = 0; i < 2; ++i) {
    cluster.kill("master-1", SIGKILL);
    cluster.start("master-1");
    cluster.wait_until_writable();
  }
  cluster.kill("storage-2", SIGKILL);
  eventually("its fragments are made anew", [&] {
    return is_whole(cluster) &&
           fragments_on(cluster, {"storage-1", "storage-3", "storage-4"}) == 18;
  });
  check_files(cluster, 6);
}
