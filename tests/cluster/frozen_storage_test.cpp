#include "client/file_client.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <signal.h>
#include <string>

/// What a storage node that says nothing costs a client. All timeouts are longer than a test may
/// take: nothing but the client's own rules for silent nodes ends a wait.
namespace {

constexpr std::size_t small_bytes = 64 << 10;
constexpr std::size_t large_bytes = 20 << 20;

cluster_shape patient_cluster(int storages) {
  cluster_shape shape;
  shape.storages = storages;
  shape.is_patient = false;
  shape.files = "chunk_size = \"8MiB\"\ninline_limit = 0";
  shape.links = "heartbeat = \"100ms\"\nfailure_timeout = \"10m\"";
  shape.client = "connect_timeout = \"10m\"\ntransfer_timeout = \"10m\"\nbusy_timeout = \"20m\"\n"
                 "timeout = \"20m\"\nrefusal_timeout = \"10m\"";
  return shape;
}

/// A client that remembers what it has stored, and what it knows of the nodes.
class checked_client {
 public:
  explicit checked_client(const dfs::cluster_settings& cluster) : settings_{cluster} {
    auto connected = dfs::file_client::connect(settings_);
    REQUIRE_MESSAGE(connected, connected.error().message);
    client_ = std::move(*connected);
  }

  void put(const std::string& path, std::size_t size) {
    auto& bytes = stored_[path] = random_bytes(size, stored_.size() + 1);
    std::size_t taken = 0;
    auto source = [&](std::span<char> into) -> atl::result<std::size_t> {
      auto count = std::min(into.size(), bytes.size() - taken);
      std::copy_n(bytes.data() + taken, count, into.data());
      taken += count;
      return count;
    };
    auto done = client_->put(source, path, {});
    CHECK_MESSAGE(done, done.error().message);
  }
  void check_all() {
    for (auto& [path, bytes] : stored_) {
      std::string got;
      auto done = client_->get(path, [&](std::string_view piece) -> atl::status {
        got += piece;
        return {};
      });
      CHECK_MESSAGE(done, done.error().message);
      CHECK_MESSAGE((got == bytes), path);
    }
  }

 private:
  const dfs::cluster_settings settings_;
  std::unique_ptr<dfs::file_client> client_;
  std::map<std::string, std::string> stored_; ///< content by path
};

} // namespace

TEST_CASE("files are stored and read while any storage node is frozen, without waiting for a "
          "timeout, and the node is used again afterwards") {
  int storages = 3;
  SUBCASE("as many nodes as copies") {}
  SUBCASE("one node more") {
    storages = 4;
  }
  test_cluster cluster{patient_cluster(storages)};
  cluster.up();
  checked_client client{cluster.settings()};
  client.put("/small", small_bytes);
  client.put("/large", large_bytes);
  for (int number = storages; number > 0; --number) {
    auto node = fmt::format("storage-{}", number);
    cluster.kill(node, SIGSTOP);
    client.check_all();
    client.put("/small-without-" + node, small_bytes);
    client.put("/large-without-" + node, large_bytes);
    // By now the client takes the node out of its reads.
    for (int round = 0; round < 3; ++round)
      client.check_all();
    cluster.kill(node, SIGCONT);
  }
  client.check_all();
  for (int number = 1; number <= storages; ++number) {
    auto node = fmt::format("storage-{}", number);
    auto before = cluster.chunk_files(node).size();
    int files = 0;
    eventually(node + " gets fragments again", [&] {
      client.put(fmt::format("/again-{}-{}", node, ++files), small_bytes);
      return cluster.chunk_files(node).size() > before;
    });
  }
}

TEST_CASE("a chunk that a frozen storage node has no copy of is counted as short of copies") {
  cluster_shape shape;
  shape.is_patient = false;
  shape.client = "refusal_timeout = \"10s\"";
  test_cluster cluster{shape};
  cluster.up();
  cluster.kill("storage-2", SIGSTOP);
  auto put = cluster.dfs({"put", "-", "/f"}, random_bytes(small_bytes, 1));
  CHECK_MESSAGE(put.code == 0, put.err);
  auto is_short_of_copies = [&](int chunks) {
    auto status = cluster.status();
    return status.is_object() && status["copies"].is_object() &&
           status["copies"]["short"] == chunks;
  };
  eventually("the chunk is counted", [&] { return is_short_of_copies(1); });
  cluster.kill("storage-2", SIGCONT);
  eventually("the copy is made", [&] { return is_short_of_copies(0); });
}
