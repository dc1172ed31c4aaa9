#include "client/placement_stock.hpp"

#include <doctest/doctest.h>

#include <algorithm>

/// How an upload gets the places of its chunks.
using namespace dfs;
using namespace std::chrono_literals;

namespace {

/// Masters that place each chunk on nodes 1 and 2, or on 3 and 4 instead of nodes to avoid.
struct fixture {
  std::vector<std::uint32_t> asked;
  std::vector<std::vector<storage_id>> avoided;
  std::vector<chunk_id> noted;
  std::uint64_t last = 0;
  suspect_nodes suspects;
  placement_stock::clock::time_point now{};
  placement_stock stock{7, 3, [this](auto& request) { return place(request); },
                        [this](auto& chunk) { noted.push_back(chunk); }, suspects};

  atl::result<protocol::allocate_response> place(const protocol::allocate_request& request) {
    CHECK(request.upload == 7);
    CHECK(request.policy == 3);
    asked.push_back(request.chunks);
    avoided.push_back(request.avoid);
    protocol::allocate_response answer;
    for (std::uint32_t i = 0; i < request.chunks; ++i) {
      auto& placed = answer.placements.emplace_back();
      placed.chunk = {1, ++last};
      for (storage_id id : {1, 2, 3, 4})
        if (std::ranges::count(request.avoid, id) == 0 && placed.targets.size() < 2)
          placed.targets.push_back({id, "node", {"host", 1}});
    }
    return answer;
  }
  protocol::placement take(std::vector<storage_id> avoid = {}, std::size_t bytes = 100) {
    auto taken = stock.take(bytes, avoid, now);
    REQUIRE(taken);
    return *taken;
  }
  void take_many(int count) {
    for (int i = 0; i < count; ++i)
      take();
  }
};

using counts = std::vector<std::uint32_t>;

} // namespace

TEST_CASE("an upload of known size asks for the places of its next chunks at once") {
  fixture it;
  SUBCASE("all of them, if they are few") {
    it.stock.expect(5);
    it.take_many(5);
    CHECK(it.asked == counts{5});
  }
  SUBCASE("sixteen at most") {
    it.stock.expect(40);
    it.take_many(16);
    it.stock.expect(24);
    it.take_many(16);
    it.stock.expect(8);
    it.take_many(8);
    CHECK(it.asked == counts{16, 16, 8});
  }
}

TEST_CASE("an upload of unknown size asks for twice as many places each time") {
  fixture it;
  it.take_many(40);
  CHECK(it.asked == counts{1, 2, 4, 8, 16, 16});
}

TEST_CASE("each chunk of an upload has a place of its own, and the first one of an answer is "
          "noted") {
  fixture it;
  it.stock.expect(3);
  CHECK(it.take().chunk.random == 1);
  CHECK(it.take().chunk.random == 2);
  CHECK(it.take().chunk.random == 3);
  CHECK(it.take().chunk.random == 4);
  CHECK(it.noted == std::vector<chunk_id>{{1, 1}, {1, 4}});
}

TEST_CASE("places that are old are forgotten, and a slow upload asks for fewer") {
  fixture it;
  it.stock.expect(16);
  it.take_many(2);
  it.now += placement_stock::age_max;
  it.take();
  CHECK(it.asked == counts{16, 2});
  it.now += placement_stock::age_max - 1s;
  it.take();
  CHECK(it.asked.size() == 2);
}

TEST_CASE("a larger chunk doesn't get the place of a smaller one") {
  fixture it;
  it.stock.expect(2);
  it.take({}, 100);
  it.take({}, 101);
  CHECK(it.asked.size() == 2);
}

TEST_CASE("places on a node that failed aren't used") {
  fixture it;
  it.stock.expect(8);
  it.take();
  SUBCASE("for the chunk that met the failure") {
    CHECK(it.take({2}).targets.back().id == 3);
    CHECK(it.avoided.back() == std::vector<storage_id>{2});
  }
  SUBCASE("for the other chunks, while the failure is fresh") {
    it.suspects.add(1, it.now);
    CHECK(it.take().targets.front().id == 2);
    CHECK(it.asked == counts{8, 8});
    it.now += suspect_nodes::lifetime;
    CHECK(it.take().targets.front().id == 1);
  }
  SUBCASE("unless the node has accepted data since") {
    it.suspects.add(1, it.now);
    it.suspects.remove(1);
    CHECK(it.take().targets.front().id == 1);
    CHECK(it.asked.size() == 1);
  }
}

TEST_CASE("a request avoids the nodes at which the chunk failed, and then the suspects, the latest "
          "first") {
  fixture it;
  it.suspects.add(3, it.now);
  it.suspects.add(1, it.now += 1s);
  it.suspects.add(2, it.now += 1s);
  it.take({4, 1});
  CHECK(it.avoided.back() == std::vector<storage_id>{4, 1, 2, 3});
}
