#include "storm_clients.hpp"
#include "storm_reader.hpp"
#include "test_cluster.hpp"

#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <signal.h>
#include <string>
#include <vector>

/// Masters, storage nodes and clients are killed again and again, while other clients go on. Of
/// masters and of storage nodes one at most is down at a time, as three masters and copies allow.
namespace {

constexpr int masters = 3;
constexpr int storages = 4;
constexpr int copies = 3;
constexpr int library_clients = 3;
constexpr int program_clients = 2;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t default_kills = 20;
#else
constexpr std::uint64_t default_kills = 100;
#endif

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  auto text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

cluster_shape stormy_cluster() {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = storages;
  shape.copies = copies;
  shape.is_patient = false;
  shape.consensus = "raft";
  shape.consensus_options = "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"1KiB\"\ndead_after = \"3s\"\n"
                "grace = \"2s\"\ncollection_interval = \"200ms\"";
  return shape;
}

class storm {
 public:
  storm(test_cluster& cluster, std::uint64_t seed) : cluster_{cluster}, random_{seed} {
    for (int i = 0; i < library_clients; ++i)
      clients_.push_back(std::make_unique<library_storm_client>(cluster, i, random_.next()));
    for (int i = 0; i < program_clients; ++i) {
      auto made = std::make_unique<program_storm_client>(cluster, 100 + i, random_.next());
      programs_.push_back(made.get());
      clients_.push_back(std::move(made));
    }
    for (auto& client : clients_)
      client->start();
  }

  /// Kills some of the roles within a short time, starts them again, and waits until all serve.
  void kill_some() {
    std::vector<std::string> victims;
    if (random_.chance(0.7))
      victims.push_back(fmt::format("storage-{}", 1 + random_.below(storages)));
    if (random_.chance(0.7))
      victims.push_back(random_.chance(0.5) ? leader_
                                            : fmt::format("master-{}", 1 + random_.below(masters)));
    if (random_.chance(0.5) || victims.empty())
      victims.emplace_back("client");
    shuffle(victims);
    for (const auto& victim : victims) {
      some_more_operations();
      if (victim == "client")
        kill_client();
      else
        cluster_.kill(victim, SIGKILL);
      ++kills_[victim];
    }
    std::erase(victims, "client");
    shuffle(victims);
    for (const auto& victim : victims) {
      some_more_operations();
      cluster_.start(victim);
    }
    wait_for_all();
  }

  /// Each role serves again, so that the next of its kind may be killed.
  void wait_for_all() {
    leader_ = cluster_.must_lead_all();
    eventually("all storage nodes are up", [&] {
      for (auto& view : cluster_.masters())
        if (view.is_object() && view["seen_by"]["role"] == "leader")
          return std::ranges::count_if(view["storages"], [](auto& node) {
                   return node["health"] == "up";
                 }) == storages;
      return false;
    });
  }

  void stop() {
    for (auto& client : clients_)
      client->stop();
  }

  std::uint64_t count() const {
    std::uint64_t all = 0;
    for (auto& client : clients_)
      all += client->count();
    return all;
  }
  std::uint64_t kills() const {
    std::uint64_t all = 0;
    for (auto& [victim, count] : kills_)
      all += count;
    return all;
  }
  const std::map<std::string, std::uint64_t>& kills_by_victim() const { return kills_; }
  const std::vector<std::unique_ptr<storm_client>>& clients() const { return clients_; }

 private:
  void shuffle(std::vector<std::string>& words) {
    for (auto i = words.size(); i > 1; --i)
      std::swap(words[i - 1], words[random_.below(i)]);
  }

  /// The service goes on with what is down at the moment.
  void some_more_operations() {
    auto goal = count() + random_.below(6);
    eventually("operations are carried out", [&] { return count() >= goal; });
  }

  void kill_client() {
    auto* victim = programs_[random_.below(programs_.size())];
    eventually("a program runs", [&] { return victim->kill(); });
  }

  test_cluster& cluster_;
  atl::spi::random_source random_;
  std::string leader_ = "master-1";
  std::map<std::string, std::uint64_t> kills_;
  std::vector<std::unique_ptr<storm_client>> clients_;
  std::vector<program_storm_client*> programs_;
};

bool is_whole(test_cluster& cluster) {
  auto status = cluster.status();
  return status.is_object() && status["copies"].is_object() &&
         status["copies"]["state"] == "counted" && status["copies"]["short"] == 0 &&
         status["repair"]["tasks"] == 0;
}

std::size_t fragments(const test_cluster& cluster) {
  std::size_t count = 0;
  for (auto& node : cluster.names())
    count += cluster.chunk_files(node).size();
  return count;
}

} // namespace

TEST_CASE("what was acknowledged is there after a hundred kills of masters, storage nodes and "
          "clients under load") {
  auto seed = number_from("ATOLL_STORM_SEED", std::random_device{}());
  auto kills = number_from("ATOLL_STORM_KILLS", default_kills);
  MESSAGE(fmt::format("ATOLL_STORM_SEED={} repeats the draws", seed));
  test_cluster cluster{stormy_cluster()};
  cluster.up();
  storm over{cluster, seed};
  over.wait_for_all();
  while (over.kills() < kills)
    over.kill_some();
  over.stop();
  std::string victims;
  for (auto& [victim, count] : over.kills_by_victim())
    victims += fmt::format(" {} {} times", victim, count);
  MESSAGE(fmt::format("{} operations were carried out; killed:{}", over.count(), victims));

  eventually("all chunks have all copies", [&] { return is_whole(cluster); });
  storm_reader reader{cluster};
  for (auto& client : over.clients()) {
    for (auto& violation : client->violations())
      FAIL_CHECK(violation);
    reader.check_files(client->files());
    MESSAGE(fmt::format("{} files, {} operations with an unknown outcome",
                        client->files().files().size(), client->files().unknown().size()));
    for (auto& [error, count] : client->errors())
      MESSAGE(fmt::format("{} times: {}", count, error));
  }
  eventually("nothing is stored but the copies of these files",
             [&] { return fragments(cluster) == copies * reader.chunks(); });
  auto chunks = cluster.dfs({"check"});
  CHECK_MESSAGE(chunks.code == 0, (chunks.out + chunks.err));
  auto names = cluster.dfs({"check", "--names"});
  CHECK_MESSAGE(names.code == 0, (names.out + names.err));
}
