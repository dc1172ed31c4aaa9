#include "master/placement_service.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

/// The placement and the names of new chunks.
using namespace dfs;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};

/// Picks the nodes in `picks`, by id, as far as they may be picked; or does what a test wants.
struct scripted_balancer : atl::spi::balancer {
  using slot = atl::spi::slot;

  void update(std::span<const atl::spi::member> list) override {
    ++updates;
    members.assign(list.begin(), list.end());
  }
  slot pick(const atl::spi::pick_request&, const atl::spi::member_facts&) override {
    return atl::spi::no_slot;
  }
  std::size_t pick_many(const atl::spi::pick_request& request, const atl::spi::member_facts& facts,
                        std::span<slot> places) override {
    if (on_pick)
      on_pick(facts);
    std::size_t filled = 0;
    for (auto id : picks)
      for (slot who = 0; who < members.size(); ++who)
        if (members[who].id == id && facts.available[who] != 0 && filled < places.size() &&
            std::ranges::count(request.tried, who) == 0)
          places[filled++] = who;
    return filled;
  }
  void observe(slot who, const atl::spi::outcome& result, atl::spi::timestamp) override {
    outcomes.emplace_back(members[who].id, result.ok);
    latency = result.latency;
  }

  std::vector<storage_id> picks{1, 2, 3};
  std::function<void(const atl::spi::member_facts&)> on_pick;
  std::vector<atl::spi::member> members;
  int updates = 0;
  std::vector<std::pair<std::uint64_t, bool>> outcomes;
  std::chrono::microseconds latency{0}; ///< of the last outcome
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
    subject.add_policy(no_policy, {balancer, "scripted", std::make_shared<two_of_three>()},
                       registry, begin);
    storage_id id = 0;
    for (auto* name : {"a", "b", "c", "d"})
      report(name, {}, ++id);
  }

  /// A report of this node, with what `change` makes of it.
  void report(const std::string& name,
              const std::function<void(protocol::storage_heartbeat&)>& change = {},
              storage_id id = no_storage, steady_time now = begin) {
    protocol::storage_heartbeat report;
    report.group = "group";
    report.name = name;
    report.free_bytes = 1000;
    if (auto* known = registry.find(name))
      report = known->last;
    if (change)
      change(report);
    auto& node = registry.update(report, now);
    if (id != no_storage)
      node.id = id;
    subject.on_report(name, node, registry, now);
  }

  std::shared_ptr<scripted_balancer> balancer = std::make_shared<scripted_balancer>();
  storage_registry registry{seconds{1}};
  placement_service subject{1};
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

TEST_CASE("a node that a request avoids, that is full, silent or takes no data, gets no fragment") {
  fixture it;
  it.balancer->picks = {1, 2, 3, 4};
  auto targets = [&](std::vector<storage_id> avoid, std::uint64_t bytes, steady_time now) {
    auto room = it.subject.place({1, 1, bytes, avoid}, it.registry, 1, 0, now);
    std::string names;
    if (room)
      for (auto& target : room->placements[0].targets)
        names += target.name;
    std::ranges::sort(names); // a node that has come back is the last one for a while
    return names;
  };
  CHECK(targets({}, 100, begin) == "abc");
  CHECK(targets({1, 3}, 100, begin) == "bd");
  it.report("b", [](auto& report) { report.free_bytes = 99; });
  CHECK(targets({}, 100, begin) == "acd");
  CHECK(targets({}, 99, begin) == "abc");
  it.report("a", [](auto& report) { report.failed = "its disk is broken"; });
  CHECK(targets({}, 99, begin) == "bcd");
  it.report("c", {}, no_storage, begin + seconds{2});
  it.report("d", {}, no_storage, begin + seconds{2});
  CHECK(targets({}, 99, begin + seconds{2}) == "cd"); // b is silent
  it.report("b", {}, no_storage, begin + seconds{2});
  it.report(
      "c", [](auto& report) { report.group.clear(); }, no_storage, begin + seconds{2});
  CHECK(targets({}, 99, begin + seconds{2}) == "bd");
}

TEST_CASE("if too few others are left, the last nodes that a request avoids get fragments") {
  fixture it;
  it.balancer->picks = {1, 2, 3, 4};
  auto targets = [&](std::vector<storage_id> avoid) {
    auto room = it.subject.place({1, 1, 100, avoid}, it.registry, 1, 0, begin);
    REQUIRE_MESSAGE(room, room.error().message);
    std::string names;
    for (auto& target : room->placements[0].targets)
      names += target.name;
    return names;
  };
  CHECK(targets({1, 2}) == "cd");
  CHECK(targets({1, 2, 3}) == "cd");
  CHECK(targets({3, 2, 1}) == "ad");
  CHECK(targets({1, 2, 3, 4}) == "cd");
  SUBCASE("nodes that can't take the chunk are no others") {
    it.report("c", [](auto& report) { report.free_bytes = 99; });
    it.report("d", [](auto& report) { report.weight = 0; });
    CHECK(targets({1, 2}) == "abd");
  }
  SUBCASE("all nodes, if the balancer doesn't pick enough of the others") {
    it.balancer->picks = {1, 2};
    CHECK(targets({2}) == "ab");
  }
}

TEST_CASE("a zone gets no more fragments than the scheme allows, if other zones have room") {
  fixture it;
  for (auto* name : {"a", "b"})
    it.report(name, [](auto& report) { report.zone = "rack"; });
  it.balancer->picks = {1, 2, 3, 4}; // this balancer doesn't look at zones
  std::string expected = "adc";
  SUBCASE("and there is a node in another one") {}
  SUBCASE("unless all others are taken or full") {
    it.report("d", [](auto& report) { report.free_bytes = 0; });
    expected = "abc";
  }
  auto room = it.subject.place({1, 1, 100, {}}, it.registry, 1, 0, begin);
  REQUIRE(room.has_value());
  std::string names;
  for (auto& target : room->placements.front().targets)
    names += target.name;
  CHECK(names == expected);
}

TEST_CASE("the balancer gets the facts of each node's reports") {
  fixture it;
  auto place = [&] { return it.subject.place({1, 1, 100, {}}, it.registry, 1, 0, begin); };
  for (auto* name : {"a", "b"})
    it.report(name, [](auto& report) { report.zone = "rack"; });
  it.report("c", [](auto& report) {
    report.weight = 3;
    report.capacity_bytes = 5'000;
    report.in_flight = 7;
  });
  it.balancer->on_pick = [&](auto& facts) {
    CHECK(facts.domain[0] == facts.domain[1]);
    CHECK(facts.domain[2] != facts.domain[3]);
    CHECK(facts.free_bytes[1] == 1000);
    CHECK(facts.reported_in_flight[2] == 7);
  };
  REQUIRE(place().has_value());
  CHECK(it.balancer->members[2].weight == 3);
  CHECK(it.balancer->members[2].capacity == 5'000);
  CHECK(it.balancer->updates == 1);
  it.report("d", [](auto& report) { report.in_flight = 2, report.free_bytes = 500; });
  it.balancer->on_pick = [&](auto& facts) {
    CHECK(facts.reported_in_flight[3] == 2);
    CHECK(facts.free_bytes[3] == 500);
  };
  REQUIRE(place().has_value());
  CHECK(it.balancer->updates == 1); // free space and load are no reason to make tables again
  it.report("d", [](auto& report) { report.weight = 2; });
  REQUIRE(place().has_value());
  CHECK(it.balancer->updates == 2);
}

TEST_CASE("a node whose data folder was replaced is another member") {
  fixture it;
  it.balancer->picks = {1, 2, 3, 9};
  it.report("a", [](auto& report) { report.uuid = "another folder"; });
  auto room = it.subject.place({1, 1, 100, {}}, it.registry, 1, 0, begin);
  REQUIRE(room.has_value());
  CHECK(room->placements[0].targets.size() == 2);
  it.report("a", {}, 9);
  room = it.subject.place({1, 1, 100, {}}, it.registry, 1, 0, begin);
  REQUIRE(room.has_value());
  CHECK(room->placements[0].targets.size() == 3);
  CHECK(room->placements[0].targets[2].id == 9);
}

TEST_CASE("the balancer learns what became of an upload's fragments") {
  fixture it;
  auto in_flight = [&] {
    std::vector<std::uint32_t> seen;
    it.balancer->on_pick = [&](auto& facts) {
      seen.assign(facts.in_flight.begin(), facts.in_flight.end());
    };
    REQUIRE(it.subject.place({99, 1, 100, {}}, it.registry, 1, 0, begin).has_value());
    it.subject.finish(99, begin);
    it.balancer->outcomes.clear();
    it.balancer->on_pick = nullptr;
    return seen;
  };
  using counts = std::vector<std::uint32_t>;
  using outcomes = std::vector<std::pair<std::uint64_t, bool>>;
  auto place = [&](std::vector<storage_id> avoid) {
    REQUIRE(it.subject.place({7, 1, 100, avoid}, it.registry, 1, 0, begin).has_value());
  };
  place({});
  CHECK(in_flight() == counts{1, 1, 1, 0});
  place({2}); // the write to node 2 failed
  CHECK(it.balancer->outcomes == outcomes{{1, true}, {2, false}, {3, true}});
  CHECK(in_flight() == counts{1, 0, 1, 0});
  it.subject.finish(7, begin + seconds{1});
  CHECK(it.balancer->outcomes == outcomes{{1, true}, {3, true}});
  place({});
  it.balancer->outcomes.clear();
  it.subject.oldest_upload(begin + seconds{60}, seconds{10}); // the upload was given up
  CHECK(it.balancer->outcomes.empty());
  CHECK(in_flight() == counts{0, 0, 0, 0});
}

TEST_CASE("the time of an upload's chunks that were placed together is shared among them") {
  fixture it;
  REQUIRE(it.subject.place({7, 4, 100, {}}, it.registry, 1, 0, begin).has_value());
  it.subject.finish(7, begin + seconds{8});
  CHECK(it.balancer->outcomes.size() == 12);
  CHECK(it.balancer->latency == seconds{2});
}

TEST_CASE("a balancer that fails is named, and asked again by the next request") {
  fixture it;
  auto place = [&] { return it.subject.place({1, 1, 100, {}}, it.registry, 1, 0, begin); };
  it.balancer->on_pick = [](auto&) { throw std::runtime_error{"out of sorts"}; };
  auto failed = place();
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == atl::errc::internal);
  CHECK(failed.error().message.find("'scripted' threw: out of sorts") != std::string::npos);
  it.balancer->on_pick = nullptr;
  CHECK(place().has_value());
}

TEST_CASE("a placement with too few nodes fails with their number") {
  fixture it;
  it.balancer->picks = {1};
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
      it.report(name, [](auto& report) { report.free_bytes = 10; });
    auto why = refusal(100, begin);
    CHECK(why.code == atl::errc::no_space);
    CHECK(why.message.find("3 have no space left for it, 0 are down") != std::string::npos);
  }
  SUBCASE("weights of 0: the balancer chooses no usable node") {
    for (auto* name : {"a", "b", "c", "d"})
      it.report(name, [](auto& report) { report.weight = 0; });
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
  it.subject.finish(2, begin);
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
  it.subject.finish(1, begin);
  CHECK(it.subject.oldest_upload(begin, seconds{10}) == 200);
  CHECK_FALSE(it.subject.oldest_upload(begin + seconds{11}, seconds{10}).has_value());
}

TEST_CASE("space is short when nodes are full and too few others remain for the fragments of a "
          "chunk") {
  fixture it;
  auto fill = [&](const char* name) {
    it.report(name, [](auto& report) { report.free_bytes = 10; });
  };
  CHECK_FALSE(it.subject.lacks_space(no_policy, 100, it.registry, begin));
  fill("a"); // a chunk has three fragments: three nodes are left
  CHECK_FALSE(it.subject.lacks_space(no_policy, 100, it.registry, begin));
  fill("b");
  CHECK(it.subject.lacks_space(no_policy, 100, it.registry, begin));
  CHECK_FALSE(
      it.subject.lacks_space(no_policy, 10, it.registry, begin)); // the nodes have that much space
  // Nodes that are down are not full: a collection would free nothing.
  CHECK_FALSE(it.subject.lacks_space(no_policy, 100, it.registry, begin + seconds{2}));
}

TEST_CASE("each policy places by its own plugins, and one that isn't known is refused") {
  fixture it;
  auto other = std::make_shared<scripted_balancer>();
  other->picks = {4, 3};
  auto place = [&](policy_id policy) {
    return it.subject.place({1, 1, 100, {}, policy}, it.registry, 1, 0, begin);
  };
  auto refused = place(7);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == atl::errc::refused);
  // The nodes that have reported already are the new policy's as well.
  it.subject.add_policy(7, {other, "other", std::make_shared<two_of_three>()}, it.registry, begin);
  auto room = place(7);
  REQUIRE(room.has_value());
  REQUIRE(room->placements[0].targets.size() == 2);
  CHECK(room->placements[0].targets[0].name == "d");
  it.balancer->outcomes.clear();
  it.subject.finish(1, begin);
  CHECK(other->outcomes.size() == 2);
  CHECK(it.balancer->outcomes.empty());
}

TEST_CASE("the pool of the placement is measured like a dispatcher's, and follows its options") {
  auto balancer = std::make_shared<scripted_balancer>();
  atl::pool_options options;
  options.outliers.failures = 1;
  placement_service subject{1, options};
  storage_registry registry{seconds{1}};
  subject.add_policy(no_policy, {balancer, "scripted", std::make_shared<two_of_three>()}, registry,
                     begin);
  for (storage_id id = 1; id <= 4; ++id) {
    protocol::storage_heartbeat report;
    report.group = "group";
    report.name = std::string(1, static_cast<char>('a' + id - 1));
    report.free_bytes = id == 4 ? 0 : 1000;
    auto& node = registry.update(report, begin);
    node.id = id;
    subject.on_report(report.name, node, registry, begin);
  }
  REQUIRE(subject.place({7, 1, 100, {}}, registry, 1, 0, begin).has_value());
  REQUIRE(subject.place({7, 1, 100, {2}}, registry, 2, 0, begin).has_value()); // 2 has failed
  atl::metric_set metrics;
  subject.add_metrics(metrics);
  auto value = [&](const char* name, const char* worker = nullptr) {
    for (auto& sample : metrics.find(name)->samples)
      if (worker == nullptr || sample.labels.at(1).value == worker)
        return sample.value;
    return -1.0;
  };
  CHECK(metrics.find("atoll_dispatcher_info")->samples.at(0).labels ==
        atl::metric_labels{{"dispatcher", "placement-0"}, {"balancer", "scripted"}});
  CHECK(value("dfs_master_uploads") == 1);
  CHECK(value("atoll_dispatcher_workers") == 4);
  CHECK(value("atoll_dispatcher_workers_available") == 4);
  CHECK(value("atoll_dispatcher_workers_ejected") == 1);
  CHECK(value("atoll_dispatcher_plugin_errors_total") == 0);
  CHECK(value("atoll_dispatcher_worker_ejected", "b") == 1);
  CHECK(value("atoll_dispatcher_worker_ejected", "a") == 0);
  CHECK(value("atoll_dispatcher_worker_in_flight", "a") == 1);
  CHECK(value("atoll_dispatcher_worker_in_flight", "b") == 0);
  balancer->on_pick = [](const auto&) { throw std::runtime_error{"no idea"}; };
  CHECK_FALSE(subject.place({8, 1, 100, {}}, registry, 3, 0, begin).has_value());
  atl::metric_set later;
  subject.add_metrics(later);
  CHECK(later.find("atoll_dispatcher_plugin_errors_total")->samples.at(0).value == 1);
}
