#include "apps/dfs/bulk/throttling_proxy.hpp"
#include "bulk/range_limits.hpp"
#include "client/chunk_reader.hpp"
#include "data_path_fixture.hpp"

#include <thread>

/// How a client reads chunks from storage nodes. Where a node says nothing, the client would wait
/// for it for an hour.
using namespace dfs;
using namespace dfs::test;
using namespace std::chrono_literals;
using atl::errc;

namespace {

constexpr std::size_t chunk_bytes = 1'000'000;

bulk_options patient() {
  auto options = caller_options();
  options.timeouts.progress = std::chrono::hours{1};
  return options;
}

struct fixture : data_path {
  chunk_reader reader{*view, connections, progress};
  std::string data = pattern(chunk_bytes);
  chunk_record record;

  explicit fixture(bool parity = false, int count = 3)
      : data_path{parity, count, patient()}, record{put_chunk(1, data)} {}

  /// The bytes that were read, or the error.
  std::string fetch(std::uint64_t offset = 0, std::size_t size = chunk_bytes) {
    std::string into(size, '?');
    auto done = reader.fetch(record, offset, into);
    return done ? into : std::string{to_string(done.error().code)} + ": " + done.error().message;
  }
  /// Is the range read rightly?
  bool reads(std::uint64_t offset = 0, std::size_t size = chunk_bytes) {
    return fetch(offset, size) == data.substr(offset, size);
  }
  std::uint64_t bytes_read() {
    std::uint64_t all = 0;
    for (auto& node : nodes.nodes)
      all += node->server->stats().read_bytes;
    return all;
  }
  /// Reads a range of two blocks, and one of one block. A node that stands still for a moment is
  /// hedged by another one, which then reads the same; without that no more may be read.
  void must_read_blocks_alone() {
    for (std::uint64_t attempt = 0; attempt < 5; ++attempt) {
      auto hedges = reader.counters().hedges;
      auto before = bytes_read();
      CHECK(reads(2 * block_size - 1, 2));
      CHECK(reads(0, 1)); // by now the node has counted the first read
      auto blocks = (bytes_read() - before) / block_size;
      if (reader.counters().hedges != hedges)
        continue;
      CHECK(blocks >= 2);
      CHECK(blocks <= 3 + attempt); // earlier hedges may be counted late
      return;
    }
    FAIL("a hedge was sent each time");
  }
  void damage(std::uint32_t fragment) {
    std::fstream file{nodes[fragment].at.path_of(key_of(1, fragment)),
                      std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(1000);
    file.put(static_cast<char>(~data[1000]));
  }
};

/// Two halves and their parity, of which ranges are read in slices.
struct sliced final : spi::recovery {
  explicit sliced(std::size_t bytes) : slice_bytes{bytes} {}

  spi::fragment_layout layout() const override { return halves.layout(); }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    return halves.encode(chunk, scratch);
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    return halves.decode(size, fragments, scratch);
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return halves.fragment_size(size, index);
  }
  bool enough(const std::vector<bool>& present) const override { return halves.enough(present); }
  std::optional<std::vector<spi::fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const spi::source> sources) const override {
    auto whole = halves.reads_for(size, offset, length, sources);
    if (!whole) // these sources aren't enough
      return std::nullopt;
    std::vector<spi::fragment_range> slices;
    for (auto& range : *whole)
      for (std::size_t at = 0; at < range.length; at += slice_bytes)
        slices.push_back(
            {range.fragment, range.offset + at, std::min(slice_bytes, range.length - at)});
    return slices;
  }
  bool assemble(std::size_t size, std::size_t offset, std::span<const spi::piece> pieces,
                std::span<char> out) const override {
    return halves.assemble(size, offset, pieces, out);
  }
  spi::verdict judge(const spi::chunk_report&) const override { return {}; }
  std::vector<spi::repair_step> plan(std::span<const spi::chunk_report>) const override {
    return {};
  }

  test_scheme halves{true};
  std::size_t slice_bytes;
};

} // namespace

TEST_CASE("any range of a chunk can be read, whatever its scheme") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  for (std::uint64_t offset : {0, 1, 65'535, 65'536, 499'999, 500'000, 500'001})
    for (std::size_t size : {1, 2, 65'536, 65'537, 400'000})
      CHECK(it.reads(offset, size));
  CHECK(it.reads());
  CHECK(it.reads(chunk_bytes - 1, 1));
  CHECK(it.fetch(chunk_bytes, 0).empty());
  CHECK(it.fetch(chunk_bytes - 1, 2).starts_with("invalid: bytes 999999 to 1000001"));
  CHECK(it.fetch(~0ull, 2).starts_with("invalid"));
}

TEST_CASE("of a copy only the blocks of the range are read") {
  fixture it;
  it.must_read_blocks_alone();
}

TEST_CASE("of a fragment that holds the bytes themselves only the blocks of the range are read") {
  fixture it{true};
  it.must_read_blocks_alone();
}

TEST_CASE("a range of a fragment that is damaged, gone or said to be down is made from others") {
  fixture it{true};
  SUBCASE("damaged") {
    it.damage(0);
  }
  SUBCASE("gone") {
    std::filesystem::remove(it.nodes[0].at.path_of(key_of(1, 0)));
  }
  SUBCASE("its node is down") {
    it.nodes[0].server->stop();
  }
  CHECK(it.reads(900, 200));
  CHECK(it.reads(499'000, 2'000)); // of both halves
}

TEST_CASE("connections are kept between reads, also for other threads") {
  fixture it;
  for (int i = 0; i < 3; ++i)
    std::thread{[&] { CHECK(it.reads(0, 100)); }}.join();
  CHECK(it.connects_to(0) == 1);
}

TEST_CASE("while a node says nothing, another one is asked") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  CHECK(it.reads(0, 100));
  frozen_node frozen;
  it.replace_node(0, frozen.endpoint());
  for (int i = 0; i < 3; ++i)
    CHECK(it.reads(7, 100'000));
  CHECK(it.reads());
}

TEST_CASE("a node that says nothing is taken out after a few reads, and its hedges are counted") {
  fixture it;
  frozen_node frozen;
  it.replace_node(0, frozen.endpoint());
  for (int i = 0; i < 20; ++i)
    CHECK(it.reads(0, 100));
  auto counted = it.reader.counters();
  CHECK(counted.hedges_won >= atl::outlier_options{}.failures);
  CHECK(counted.hedges_won < 20); // others may have stood still for a moment, too
  CHECK(counted.answered == 20);
}

TEST_CASE("a node that freezes in the middle of a read is replaced by another one") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  throttling_proxy freezing{it.nodes[0].endpoint(), {}, {.bytes_max = 200'000}};
  it.replace_node(0, freezing.endpoint());
  for (int i = 0; i < 3; ++i)
    CHECK(it.reads());
}

TEST_CASE("while the only node that is called healthy says nothing, another one is asked") {
  fixture it;
  it.record.nodes[2] = no_storage;
  frozen_node frozen;
  SUBCASE("one that the masters call down") {
    {
      std::lock_guard lock{it.mutex};
      it.views[0].healthy = false;
    }
    it.replace_node(1, frozen.endpoint());
  }
  SUBCASE("one that was taken out after it had said nothing itself") {
    auto at = it.nodes[0].endpoint();
    it.replace_node(0, frozen.endpoint());
    for (int i = 0; i < 20; ++i)
      CHECK(it.reads(0, 100));
    it.replace_node(0, at);
    it.replace_node(1, frozen.endpoint());
  }
  CHECK(it.reads());
}

TEST_CASE("a read that takes long but makes progress goes to one node alone") {
  fixture it;
  it.data = pattern(4 << 20);
  it.record = it.put_chunk(2, it.data);
  throttling_proxy slow{it.nodes[0].endpoint(), {}, {.piece_bytes = 32 << 10, .pause = 2ms}};
  it.replace_node(0, slow.endpoint());
  // A machine that is busy may stop the node's answer for so long that it counts as silence.
  bool was_alone = false;
  for (std::uint32_t i = 1; i < atl::outlier_options{}.failures && !was_alone; ++i) {
    auto hedges = it.reader.counters().hedges;
    CHECK(it.reads(0, it.data.size()));
    was_alone = it.reader.counters().hedges == hedges;
  }
  CHECK(was_alone);
}

TEST_CASE("a node that can't be reached is replaced by another one, and then asked last") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  it.nodes[0].server->stop();
  for (int i = 0; i < 3; ++i)
    CHECK(it.reads());
  CHECK(it.reader.counters().retries <= 1);
}

TEST_CASE("nodes that are said to be down are asked last") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  {
    std::lock_guard lock{it.mutex};
    for (auto& node : it.views)
      node.healthy = false;
  }
  REQUIRE(it.view->refresh());
  CHECK(it.reads());
}

TEST_CASE("a damaged fragment is replaced by another one, and moved aside by its node") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  it.damage(0);
  CHECK(it.reads());
  CHECK(get(*it.nodes[0].at.store, key_of(1, 0)) == "not_found");
}

TEST_CASE("a chunk of which too few fragments are left is lost, unless a node isn't reached") {
  fixture it;
  for (std::uint32_t i = 0; i < 3; ++i)
    it.damage(i);
  CHECK(it.fetch().starts_with("corrupt: chunk "));
  CHECK(it.fetch().find("is lost: all its storage nodes answered") != std::string::npos);
  it.nodes[2].server->stop();
  CHECK(it.fetch().starts_with("unavailable: chunk "));
}

TEST_CASE("what several attempts have found wrong is told once") {
  fixture it;
  it.record.nodes = {1, no_storage, no_storage};
  it.records.front() = it.record;
  REQUIRE(it.nodes[0].at.store->remove(key_of(1, 0)));
  auto said = it.fetch();
  auto found = said.find("is not stored on this node");
  REQUIRE(found != said.npos);
  CHECK_MESSAGE(said.find("is not stored on this node", found + 1) == said.npos, said);
}

TEST_CASE("a fragment of another length is damaged") {
  fixture it;
  it.record.size_bytes = chunk_bytes + 1;
  it.records.front() = it.record;
  CHECK(it.fetch(0, chunk_bytes + 1)
            .find("it is 1000000 bytes long and the chunk's scheme makes it "
                  "1000001") != std::string::npos);
  CHECK(it.fetch(chunk_bytes - 1, 2).starts_with("corrupt"));
}

TEST_CASE("a chunk that has moved is read from its new nodes, one that is gone isn't found") {
  fixture it{false, 6};
  auto moved = it.record;
  for (std::uint32_t i = 0; i < 3; ++i) {
    REQUIRE(put(*it.nodes[i + 3].at.store, key_of(1, i), it.data));
    REQUIRE(it.nodes[i].at.store->remove(key_of(1, i)));
    moved.nodes[i] = i + 4;
  }
  it.records.front() = moved;
  CHECK(it.reads(5, 10));
  it.records.clear();
  CHECK(it.fetch(5, 10).starts_with("not_found: chunk "));
}

TEST_CASE("of many ranges that a scheme names some are read at a time, and too many are refused") {
  fixture it{true};
  SUBCASE("some at a time") {
    it.by.recovery = std::make_shared<sliced>(10'000); // 100 ranges
    CHECK(it.reads(1, chunk_bytes - 2));
    CHECK(it.connects_to(0) <= read_ranges_at_node_max);
    CHECK(it.connects_to(1) <= read_ranges_at_node_max);
  }
  SUBCASE("too many") {
    it.by.recovery = std::make_shared<sliced>(100);
    CHECK(it.fetch(1, chunk_bytes - 2)
              .starts_with("refused: the recovery plugin 'test' names 10000 ranges of fragments"));
    CHECK(it.reads(1, 100'000));
  }
}
