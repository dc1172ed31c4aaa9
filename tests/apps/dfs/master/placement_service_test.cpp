#include "master/placement_service.hpp"

#include <doctest/doctest.h>

/// The placement and the names of new chunks.
using namespace dfs;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};

/// Returns scripted picks, valid or not.
struct scripted_balancer : atl::spi::balancer {
  std::optional<std::size_t> pick(std::span<const atl::spi::candidate>, std::uint64_t) override {
    return std::nullopt;
  }
  std::vector<std::size_t> pick_many(std::span<const atl::spi::candidate>, std::size_t,
                                     std::uint64_t) override {
    return picks;
  }
  std::vector<std::size_t> picks{0, 1, 2};
};

struct two_of_three : atl::spi::recovery {
  atl::spi::fragment_layout layout() const override { return {3, 1, 2, true}; }
  std::uint64_t fragment_size(std::uint64_t chunk_bytes, std::uint32_t) const override {
    return chunk_bytes;
  }
  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    return {chunk, chunk, chunk};
  }
  bool enough(const std::vector<bool>&) const override { return true; }
  std::optional<std::string_view> decode(std::uint64_t,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override {
    return fragments.front();
  }
  atl::spi::verdict judge(const atl::spi::chunk_report&) const override { return {}; }
  std::vector<atl::spi::repair_step> plan(std::span<const atl::spi::chunk_report>) const override {
    return {};
  }
};

struct fixture {
  fixture() {
    storage_id id = 0;
    for (auto* name : {"a", "b", "c", "d"}) {
      protocol::storage_heartbeat report;
      report.group = "group";
      report.name = name;
      report.free_bytes = 1000;
      registry.update(report, begin).id = ++id;
    }
  }

  std::shared_ptr<scripted_balancer> balancer = std::make_shared<scripted_balancer>();
  storage_registry registry{seconds{1}};
  placement_service subject{balancer, std::make_shared<two_of_three>(), 1};
};

} // namespace

TEST_CASE("chunk names are newer than the watermark and increase, whatever the clock reads") {
  fixture it;
  auto made = [&](std::uint64_t now_us, std::uint64_t gc_watermark_us) {
    auto room = it.subject.place({1, 1, 100, {}}, it.registry, now_us, gc_watermark_us, begin);
    REQUIRE(room.has_value());
    return room->placements.front().chunk.made_us;
  };
  CHECK(made(500, 0) == 500);
  CHECK(made(100, 0) == 500);
  CHECK(made(100, 900) == 901);
}

TEST_CASE("each chunk of a request gets a name of its own and its targets in order") {
  fixture it;
  auto room = it.subject.place({1, 3, 100, {}}, it.registry, 1, 0, begin);
  REQUIRE(room.has_value());
  REQUIRE(room->placements.size() == 3);
  CHECK(room->placements[0].chunk != room->placements[1].chunk);
  CHECK(room->placements[1].chunk != room->placements[2].chunk);
  REQUIRE(room->placements[0].targets.size() == 3);
  CHECK(room->placements[0].targets[1].name == "b");
}

TEST_CASE("invalid picks of a balancer are dropped: repeated, out of range, unhealthy") {
  fixture it;
  it.balancer->picks = {0, 0, 99, 2, 3};
  auto room = it.subject.place({1, 1, 100, {3}}, it.registry, 1, 0, begin); // c is avoided
  REQUIRE(room.has_value());
  auto& targets = room->placements[0].targets;
  REQUIRE(targets.size() == 2);
  CHECK(targets[0].name == "a");
  CHECK(targets[1].name == "d");
}

TEST_CASE("a placement with too few nodes fails with their number") {
  fixture it;
  it.balancer->picks = {0};
  auto none = it.subject.place({1, 1, 5000, {}}, it.registry, 1, 0, begin);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == atl::errc::no_space);
  CHECK(none.error().message.find("only 0 of 4") != std::string::npos);
  CHECK(none.error().message.find("4 have no space left") != std::string::npos);
}

TEST_CASE("nodes that are down, full, or of weight 0 are reported separately") {
  fixture it;
  it.balancer->picks = {};
  auto refusal = [&](std::uint64_t chunk_bytes, steady_time now) {
    auto none = it.subject.place({1, 1, chunk_bytes, {}}, it.registry, 1, 0, now);
    REQUIRE_FALSE(none.has_value());
    return none.error();
  };
  SUBCASE("all are down") {
    auto why = refusal(100, begin + seconds{5});
    CHECK(why.code == atl::errc::unavailable);
    CHECK(why.message.find("0 have no space left for it, 4 are down") != std::string::npos);
  }
  SUBCASE("some are full, and too few are left") {
    for (auto* name : {"a", "b", "c"})
      it.registry.find(name)->last.free_bytes = 10;
    auto why = refusal(100, begin);
    CHECK(why.code == atl::errc::no_space);
    CHECK(why.message.find("3 have no space left for it, 0 are down") != std::string::npos);
  }
  SUBCASE("weights of 0: the balancer chooses no usable node") {
    for (auto* name : {"a", "b", "c", "d"})
      it.registry.find(name)->last.weight = 0;
    auto why = refusal(100, begin);
    CHECK(why.code == atl::errc::refused);
    CHECK(why.message.find("chose only 0 of the 4") != std::string::npos);
    CHECK(why.message.find("weight of 4 is 0") != std::string::npos);
  }
  SUBCASE("the balancer chooses no node for other reasons") {
    CHECK(refusal(100, begin).message.find("placement.options") != std::string::npos);
  }
}

TEST_CASE("an upload that renews its claim holds the watermark back, whichever leader began it") {
  fixture it;
  REQUIRE(it.subject.place({1, 1, 100, {}}, it.registry, 100, 0, begin).has_value());
  it.subject.renew({1, 777}, 900, begin + seconds{8}); // this leader knows its age
  it.subject.renew({2, 50}, 900, begin + seconds{8});  // begun under the previous leader
  CHECK(it.subject.oldest_upload(begin + seconds{11}, seconds{10}) == 50);
  it.subject.finish(2);
  CHECK(it.subject.oldest_upload(begin + seconds{11}, seconds{10}) == 100);
  CHECK_FALSE(it.subject.oldest_upload(begin + seconds{19}, seconds{10}).has_value());
  it.subject.renew({3, 5000}, 900, begin); // no chunk is newer than now
  CHECK(it.subject.oldest_upload(begin, seconds{10}) == 900);
}

TEST_CASE("the oldest active upload holds the watermark back until it becomes silent or ends") {
  fixture it;
  auto place = [&](std::uint64_t upload, std::uint64_t now_us) {
    REQUIRE(it.subject.place({upload, 1, 100, {}}, it.registry, now_us, 0, begin).has_value());
  };
  CHECK_FALSE(it.subject.oldest_upload(begin, seconds{10}).has_value());
  place(1, 100);
  place(2, 200);
  place(1, 300); // the upload's first chunk still counts
  CHECK(it.subject.oldest_upload(begin, seconds{10}) == 100);
  it.subject.finish(1);
  CHECK(it.subject.oldest_upload(begin, seconds{10}) == 200);
  CHECK_FALSE(it.subject.oldest_upload(begin + seconds{11}, seconds{10}).has_value());
}

TEST_CASE("space is short when nodes are full and too few others remain for the fragments of a "
          "chunk") {
  fixture it;
  auto fill = [&](const char* name) {
    auto report = it.registry.find(name)->last;
    report.free_bytes = 10;
    it.registry.update(report, begin);
  };
  CHECK_FALSE(it.subject.lacks_space(it.registry, 100, begin));
  fill("a"); // a chunk has three fragments: three nodes are left
  CHECK_FALSE(it.subject.lacks_space(it.registry, 100, begin));
  fill("b");
  CHECK(it.subject.lacks_space(it.registry, 100, begin));
  CHECK_FALSE(it.subject.lacks_space(it.registry, 10, begin)); // the nodes have that much space
  // Nodes that are down are not full: a collection would free nothing.
  CHECK_FALSE(it.subject.lacks_space(it.registry, 100, begin + seconds{2}));
}
