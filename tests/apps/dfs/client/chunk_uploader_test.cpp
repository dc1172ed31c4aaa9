#include "apps/dfs/bulk/throttling_proxy.hpp"
#include "client/chunk_reader.hpp"
#include "client/chunk_uploader.hpp"
#include "data_path_fixture.hpp"

#include <atoll/net/run_here.hpp>

/// How a client stores chunks. Where a node says nothing, only the rules of writing end the wait:
/// connections would wait for an hour.
using namespace dfs;
using namespace dfs::test;

namespace {

bulk_options patient() {
  auto options = caller_options();
  options.timeouts.progress = std::chrono::hours{1};
  return options;
}

struct fixture : data_path {
  chunk_uploader uploader{*view, connections, progress};
  chunk_reader reader{*view, connections, progress};
  std::string data = pattern(300'000);

  explicit fixture(bool parity = false, int count = 3) : data_path{parity, count, patient()} {}

  chunk_record store(placement_stock& upload) {
    auto stored = uploader.store(upload, by, chunk_source{data});
    REQUIRE_MESSAGE(stored, stored.error().message);
    return *stored;
  }
  bool can_read(const chunk_record& record) {
    std::string into(data.size(), '?');
    return reader.fetch(record, 0, into).has_value() && into == data;
  }
};

using nodes_of_chunk = std::vector<storage_id>;

/// For an upload that knows the uploader's suspects.
placement_stock begin_upload(fixture& it, placement_stock::allocate ask) {
  return {1, it.by.id, std::move(ask), [](auto&) {}, it.uploader.suspects()};
}

} // namespace

TEST_CASE("a chunk is stored on all nodes of its place, whatever its scheme") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  auto upload = it.begin_upload();
  auto record = it.store(upload);
  CHECK(record.nodes == nodes_of_chunk{1, 2, 3});
  CHECK(record.crc == atl::crc32c(it.data));
  CHECK(it.can_read(record));
}

TEST_CASE("an upload of many chunks makes one connection, and asks for places a few times") {
  fixture it;
  auto upload = it.begin_upload();
  upload.expect(32);
  for (int left = 32; left > 0; --left) {
    upload.expect(left);
    it.store(upload);
  }
  CHECK(it.connects_to(0) == 1);
  CHECK(it.allocated == std::vector<std::uint32_t>{16, 16});
}

TEST_CASE("a node that says nothing is given up soon, and avoided by the next chunks") {
  fixture it{false, 4};
  it.give_up_silent_nodes();
  frozen_node frozen;
  it.replace_node(0, frozen.endpoint());
  auto upload = begin_upload(it, it.view->masters().allocate);
  upload.expect(8);
  CHECK(it.store(upload).nodes == nodes_of_chunk{2, 3, 4});
  CHECK(it.store(upload).nodes == nodes_of_chunk{2, 3, 4});
  CHECK(it.allocated.size() == 2);
}

TEST_CASE(
    "without other nodes, a chunk has no fragment on a node that freezes, and neither have the "
    "next chunks") {
  fixture it;
  it.give_up_silent_nodes();
  std::size_t frozen = 0;
  SUBCASE("first in the pipeline") {}
  SUBCASE("in the middle of the pipeline") {
    frozen = 1;
  }
  SUBCASE("last in the pipeline") {
    frozen = 2;
  }
  it.data = pattern(2 << 20);
  throttling_proxy freezing{it.nodes[frozen].endpoint(), {.bytes_max = 1'000'000}, {}};
  it.replace_node(frozen, freezing.endpoint());
  auto upload = begin_upload(it, it.view->masters().allocate);
  for (int chunks = 0; chunks < 2; ++chunks) {
    auto record = it.store(upload);
    CHECK(std::ranges::count(record.nodes, frozen + 1) == 0);
    CHECK(std::ranges::count(record.nodes, no_storage) == 1);
    CHECK(it.can_read(record));
  }
  CHECK(it.allocated.size() <= 2); // at most one attempt met the node
}

TEST_CASE("a suspect is used when another node freezes and too few others are left") {
  fixture it;
  it.give_up_silent_nodes();
  frozen_node frozen;
  it.replace_node(1, frozen.endpoint());
  it.uploader.suspects().add(1, std::chrono::steady_clock::now());
  auto upload = begin_upload(it, it.view->masters().allocate);
  auto record = it.store(upload);
  CHECK(record.nodes == nodes_of_chunk{1, 3, no_storage});
  CHECK(it.can_read(record));
}

TEST_CASE("a chunk with enough fragments isn't stored again because of a suspect that has none") {
  fixture it{false, 4};
  it.give_up_silent_nodes();
  frozen_node frozen;
  it.replace_node(3, frozen.endpoint());
  it.uploader.suspects().add(1, std::chrono::steady_clock::now());
  auto upload = begin_upload(it, it.view->masters().allocate);
  CHECK(it.store(upload).nodes == nodes_of_chunk{2, 3, no_storage});
  CHECK(it.allocated.size() == 1);
}

TEST_CASE("nodes that can't be reached are tried again for a while, because they may be starting") {
  fixture it;
  std::vector<atl::endpoint> started;
  for (std::size_t i = 0; i < 3; ++i) {
    started.push_back(it.nodes[i].endpoint());
    auto nothing_listens = silent_peer{}.endpoint();
    it.replace_node(i, nothing_listens);
  }
  int asked = 0;
  auto upload = begin_upload(it, [&](auto& request) {
    if (++asked == 5)
      for (std::size_t i = 0; i < 3; ++i)
        it.replace_node(i, started[i]);
    return it.view->masters().allocate(request);
  });
  CHECK(it.can_read(it.store(upload)));
}

TEST_CASE("if enough fragments are stored and there is no other node, the chunk has fewer") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  it.nodes[2].server->stop();
  {
    std::lock_guard lock{it.mutex};
    it.views[2].healthy = false;
  }
  REQUIRE(it.view->refresh());
  auto upload = it.begin_upload();
  auto record = it.store(upload);
  CHECK(record.nodes == nodes_of_chunk{1, 2, no_storage});
  CHECK(it.can_read(record));
}

TEST_CASE("a fragment that takes much longer than the others is given up once enough are stored") {
  fixture it{true};
  frozen_node frozen;
  auto context = atl::net::context_of_this_thread();
  write_latencies latencies;
  fragment_writes::tools tools{it.connections, it.progress, latencies, patient().timeouts,
                               atl::spi::transfer_policy{.deadline = std::chrono::seconds{5},
                                                         .hedge_after = std::chrono::seconds{1}}};
  fragment_writes writes{tools, context, key_of(1).chunk, durability::fsync};
  std::vector<std::string_view> fragments{"one", "two", "three"};
  std::vector<fragment_write> targets{{1, it.nodes[0].target(0)},
                                      {2, {"frozen", frozen.endpoint(), 1}},
                                      {3, it.nodes[2].target(2)}};
  auto problems = atl::net::run_here(*context, writes.write_fragments(targets, fragments, 2));
  REQUIRE(problems.size() == 1);
  CHECK(problems.at(2).suspect);
  CHECK(problems.at(2).why.message.find("took much longer") != std::string::npos);
  CHECK(get(*it.nodes[0].at.store, key_of(1, 0)) == "one");
  CHECK(get(*it.nodes[2].at.store, key_of(1, 2)) == "three");
}
