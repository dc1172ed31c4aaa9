#include "storm_clients.hpp"
#include "storm_reader.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <memory>
#include <signal.h>
#include <string>
#include <vector>

/// Nodes that leave on purpose, or come and go, while files are stored, replaced and removed.
namespace {

using nlohmann::json;

constexpr int files = 40;
constexpr std::size_t file_bytes = 60'000;

cluster_shape four_storages(const std::string& repair_rate = "1MiB") {
  cluster_shape shape;
  shape.storages = 4;
  shape.files =
      fmt::format("chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ngrace = \"4s\"\n"
                  "collection_interval = \"200ms\"\ndead_after = \"10m\"\n[repair]\nrate = \"{}\"",
                  repair_rate);
  return shape;
}

void put_files(test_cluster& cluster) {
  for (int i = 0; i < files; ++i) {
    auto put = cluster.dfs({"put", "-", fmt::format("/f{}", i)},
                           random_bytes(file_bytes, static_cast<std::uint64_t>(i)));
    REQUIRE_MESSAGE(put.code == 0, put.err);
  }
}

void check_files(test_cluster& cluster) {
  for (int i = 0; i < files; ++i) {
    auto got = cluster.dfs({"cat", fmt::format("/f{}", i)});
    CHECK_MESSAGE(got.code == 0, got.err);
    CHECK((got.out == random_bytes(file_bytes, static_cast<std::uint64_t>(i))));
  }
}

/// What the leading master, the only one, says.
json view_of_master(test_cluster& cluster) {
  return cluster.masters().at(0);
}

json node_in(const json& view, const std::string& name) {
  if (view.is_object())
    for (auto& node : view["storages"])
      if (node["name"] == name)
        return node;
  return {};
}

bool is_running(pid_t process) {
  siginfo_t ended{};
  auto asked = ::waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT);
  return asked == 0 && ended.si_pid == 0;
}

} // namespace

TEST_CASE("while a node is drained under load no chunk is short of copies at any moment") {
  test_cluster cluster{four_storages("20KiB")}; // which takes minutes
  cluster.up();
  put_files(cluster);
  std::vector<std::unique_ptr<storm_client>> clients;
  for (int i = 0; i < 2; ++i)
    clients.push_back(
        std::make_unique<library_storm_client>(cluster, i, static_cast<std::uint64_t>(i) + 1));
  for (auto& client : clients)
    client->start();
  auto drain = start_program({program("dfs").string(), "--cluster", cluster.folder().string(),
                              "admin", "storage", "drain", "storage-3"});
  auto begun = clients[0]->count() + clients[1]->count();
  int views = 0;
  auto is_hurried = false;
  while (is_running(drain)) {
    if (!is_hurried && views > 3 && clients[0]->count() + clients[1]->count() > begun + 10) {
      auto hurried = cluster.dfs({"admin", "set", "repair.rate=0"});
      REQUIRE_MESSAGE(hurried.code == 0, hurried.err);
      is_hurried = true;
    }
    auto view = view_of_master(cluster);
    if (!view.is_object())
      continue;
    auto& copies = view["copies"];
    if (node_in(view, "storage-3").value("state", "") != "draining" || !copies.contains("short"))
      continue;
    ++views;
    CHECK_MESSAGE(copies["short"] == 0, copies.dump());
    auto checked = cluster.dfs({"check"});
    CHECK_MESSAGE(checked.code == 0, (checked.out + checked.err));
  }
  CHECK(wait_for(drain) == 0);
  CHECK(is_hurried); // before that, the drain was seen to go on beside the clients
  for (auto& client : clients)
    client->stop();
  for (auto& client : clients) {
    CHECK(client->errors().empty());
    for (auto& violation : client->violations())
      FAIL_CHECK(violation);
  }
  cluster.kill("storage-3", SIGKILL);
  check_files(cluster);
  eventually("the master answers", [&] {
    auto view = view_of_master(cluster);
    if (!view.is_object())
      return false;
    CHECK_MESSAGE(view["copies"]["short"] == 0, view["copies"].dump());
    return true;
  });
}

TEST_CASE("a node that is killed again and again, and returns each time, has next to nothing of "
          "its data copied") {
  constexpr int flaps = 6;
  test_cluster cluster{four_storages()};
  cluster.up();
  put_files(cluster);
  json view;
  auto is_whole = [&] {
    view = view_of_master(cluster);
    return view.is_object() && view["copies"]["state"] == "counted" &&
           view["copies"]["short"] == 0 && view["repair"]["tasks"] == 0;
  };
  eventually("all chunks have all copies", is_whole);
  auto copied_before = view["repair"]["bytes_copied"].get<std::uint64_t>();
  for (int i = 0; i < flaps; ++i) {
    cluster.kill("storage-2", SIGKILL);
    cluster.wait_for_health("storage-2", "down");
    auto put = cluster.dfs({"put", "-", "/between"}, random_bytes(file_bytes, 1000));
    CHECK_MESSAGE(put.code == 0, put.err);
    cluster.start("storage-2");
    cluster.wait_for_health("storage-2", "up");
  }
  eventually("all chunks have all copies again", is_whole);
  auto stored = node_in(view, "storage-2")["used_bytes"].get<std::uint64_t>();
  REQUIRE(stored > 10 * file_bytes);
  CHECK(view["repair"]["bytes_copied"].get<std::uint64_t>() - copied_before <= stored / 10);
  check_files(cluster);
}

TEST_CASE("a node that returns after files were replaced and removed serves no old bytes, and what "
          "it has of them is removed") {
  test_cluster cluster{four_storages()};
  cluster.up();
  put_files(cluster);
  cluster.kill("storage-2", SIGKILL);
  cluster.wait_for_health("storage-2", "down");
  auto replaced = random_bytes(file_bytes, 1000);
  for (int i = 0; i < files; ++i) {
    auto path = fmt::format("/f{}", i);
    auto changed =
        i % 2 == 0 ? cluster.dfs({"put", "-", path}, replaced) : cluster.dfs({"rm", path});
    REQUIRE_MESSAGE(changed.code == 0, changed.err);
  }
  cluster.start("storage-2");
  cluster.wait_for_health("storage-2", "up");
  for (int i = 0; i < files; ++i) {
    auto got = cluster.dfs({"cat", fmt::format("/f{}", i)});
    CHECK(got.code == (i % 2 == 0 ? 0 : 3));
    CHECK((got.out == (i % 2 == 0 ? replaced : "")));
  }
  eventually("only the copies of the present files are left", [&] {
    std::size_t fragments = 0;
    for (auto& node : cluster.names())
      fragments += cluster.chunk_files(node).size();
    return fragments == 3 * files / 2;
  });
  eventually("all is in order", [&] { return cluster.dfs({"check"}).code == 0; });
}

TEST_CASE("the policy of the root is changed again and again without a failed operation") {
  test_cluster cluster{four_storages()};
  cluster.up();
  std::vector<std::unique_ptr<storm_client>> clients;
  for (int i = 0; i < 2; ++i)
    clients.push_back(
        std::make_unique<library_storm_client>(cluster, i, static_cast<std::uint64_t>(i) + 1));
  for (auto& client : clients)
    client->start();
  for (auto* change : {"placement=power_of_two", "copies=2", "chunk_size=128KiB",
                       "placement=copyset", "copies=3", "chunk_size=64KiB"}) {
    auto set = cluster.dfs({"policy", "set", "/", change});
    CHECK_MESSAGE(set.code == 0, set.err);
    auto goal = clients[0]->count() + clients[1]->count() + 20;
    eventually("operations are carried out",
               [&] { return clients[0]->count() + clients[1]->count() >= goal; });
  }
  for (auto& client : clients)
    client->stop();
  storm_reader reader{cluster};
  for (auto& client : clients) {
    CHECK(client->errors().empty());
    for (auto& violation : client->violations())
      FAIL_CHECK(violation);
    reader.check_files(client->files());
  }
}
