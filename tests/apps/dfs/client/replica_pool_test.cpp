#include "client/replica_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// In which order a client reads the replicas of a chunk.
using namespace dfs;
namespace spi = atl::spi;
using indices = std::vector<std::uint32_t>;
using nodes = std::vector<storage_id>;

namespace {

/// Prefers the members with the fewest requests in flight, and of those the first ones.
struct least_busy : spi::balancer {
  void update(std::span<const spi::member> list) override {
    members.assign(list.begin(), list.end());
  }
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    if (throws)
      throw std::runtime_error{"out of sorts"};
    auto best = spi::no_slot;
    auto load = [&](auto who) { return facts.in_flight[who] + facts.reported_in_flight[who]; };
    for (spi::slot who = 0; who < members.size(); ++who)
      if (facts.available[who] != 0 && std::ranges::count(request.tried, who) == 0 &&
          (best == spi::no_slot || load(who) < load(best)))
        best = who;
    return best;
  }
  std::size_t wanted_probes(spi::timestamp, const spi::member_facts&,
                            std::span<spi::slot> whom) override {
    whom[0] = 1;
    return 1;
  }

  std::vector<spi::member> members;
  bool throws = false;
};

/// Nodes 1, 2, …, one for each letter, which is its zone.
std::vector<protocol::storage_view> nodes_in(const std::string& zones) {
  std::vector<protocol::storage_view> views;
  for (auto zone : zones) {
    protocol::storage_view view;
    view.target.id = static_cast<storage_id>(views.size() + 1);
    view.zone = zone;
    view.healthy = true;
    views.push_back(view);
  }
  return views;
}

struct fixture {
  std::shared_ptr<least_busy> balancer = std::make_shared<least_busy>();
  replica_pool pool;

  explicit fixture(const std::string& zones, std::string own_zone = {})
      : pool{balancer, "least_busy", std::move(own_zone), 1} {
    REQUIRE(pool.update(nodes_in(zones)).has_value());
  }
  indices order(const nodes& of) {
    auto found = pool.order(1, of);
    REQUIRE(found.has_value());
    return *found;
  }
};

} // namespace

TEST_CASE("fragments are read in the balancer's order, and unknown nodes not at all") {
  fixture it{"xyz"};
  CHECK(it.order({3, 1, 2}) == indices{1, 2, 0});
  CHECK(it.order({3, no_storage, 99, 2}) == indices{3, 0});
  CHECK(it.order({}).empty());
  it.pool.begin(1);
  CHECK(it.order({3, 1, 2}) == indices{2, 0, 1});
  it.pool.cancel(1);
  CHECK(it.order({3, 1, 2}) == indices{1, 2, 0});
}

TEST_CASE("a node that failed is read from last, until the masters say that it is up") {
  fixture it{"xyz"};
  it.pool.begin(1);
  it.pool.finish(1, false, std::chrono::seconds{1});
  CHECK(it.order({1, 2, 3}) == indices{1, 2, 0});
  auto views = nodes_in("xyz");
  REQUIRE(it.pool.update(views).has_value());
  CHECK(it.order({1, 2, 3}).size() == 3);
  views[1].healthy = false;
  REQUIRE(it.pool.update(views).has_value());
  CHECK(it.order({2, 3}) == indices{1, 0});
}

TEST_CASE("nodes in the client's own zone come first") {
  fixture it{"xyxy", "y"};
  CHECK(it.order({1, 2, 3, 4}) == indices{1, 3, 0, 2});
}

TEST_CASE("what a probe tells reaches the balancer") {
  fixture it{"xyz"};
  CHECK(it.pool.wanted_probes() == nodes{2});
  it.pool.on_probe(1, {9, std::chrono::milliseconds{1}});
  CHECK(it.order({1, 2, 3}) == indices{1, 2, 0});
}

TEST_CASE("a balancer that fails is named") {
  fixture it{"xyz"};
  it.balancer->throws = true;
  auto order = it.pool.order(1, nodes{1, 2, 3});
  REQUIRE_FALSE(order.has_value());
  CHECK(order.error().message.find("'least_busy' threw: out of sorts") != std::string::npos);
}
