#include "answer_losing_proxy.hpp"
#include "client/chunk_reader.hpp"
#include "client/chunk_uploader.hpp"
#include "data_path_fixture.hpp"

/// Transfers whose answers are lost, or whose nodes have bad disks.
using namespace dfs;
using namespace dfs::test;

namespace {

/// A disk that turns over one bit of each of its first so many large writes.
struct flipping_disk final : disk {
  std::atomic<int> flips_left = 0;
  disk& real = real_disk();

  ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) override {
    if (size < 1000 || flips_left-- <= 0)
      return real.pwrite(fd, data, size, offset);
    std::string changed{static_cast<const char*>(data), size};
    changed[size / 2] ^= 0x10;
    return real.pwrite(fd, changed.data(), size, offset);
  }
  int open(const std::string& path, int flags) override { return real.open(path, flags); }
  int close(int fd) override { return real.close(fd); }
  ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t offset) override {
    return real.pread(fd, data, size, offset);
  }
  std::int64_t size(int fd) override { return real.size(fd); }
  int fdatasync(int fd) override { return real.fdatasync(fd); }
  int fsync_dir(const std::string& path) override { return real.fsync_dir(path); }
  int rename(const std::string& from, const std::string& to) override {
    return real.rename(from, to);
  }
  int unlink(const std::string& path) override { return real.unlink(path); }
  int mkdir(const std::string& path) override { return real.mkdir(path); }
  int statvfs(const std::string& path, space& out) override { return real.statvfs(path, out); }
  int list(const std::string& path, std::vector<std::string>& out) override {
    return real.list(path, out);
  }
  int lock(int fd) override { return real.lock(fd); }
  void start_writeback(int, std::uint64_t, std::uint64_t) override {}
  void will_need(int, std::uint64_t, std::uint64_t) override {}
  void forget_cached(int fd, std::uint64_t offset, std::uint64_t size) override {
    real.forget_cached(fd, offset, size);
  }
};

using nodes_of_chunk = std::vector<storage_id>;

struct fixture : data_path {
  chunk_uploader uploader{*view, connections, progress};
  chunk_reader reader{*view, connections, progress};
  std::string data = pattern(300'000);

  explicit fixture(bool parity = false, int count = 3) : data_path{parity, count} {
    auto policy = settings.transfers;
    policy.sends = 3;
    by.transfers = policy;
  }

  atl::result<chunk_record> store() { return store_at(view->masters().allocate); }
  atl::result<chunk_record> store_at(placement_stock::allocate places) {
    placement_stock upload{1, by.id, std::move(places), [](auto&) {}, uploader.suspects()};
    return uploader.store(upload, by, chunk_source{data});
  }
  bool can_read(const chunk_record& record) {
    std::string into(data.size(), '?');
    return reader.fetch(record, 0, into).has_value() && into == data;
  }
  std::uint64_t fragments_on(std::size_t node) { return nodes[node].at.store->usage()->chunks; }
};

/// As a scheme that demands it.
struct verified_fixture : fixture {
  flipping_disk disk;
  bulk_node bad{"bad", disk};

  explicit verified_fixture(int flips, int count = 3) : fixture{false, count} {
    by.transfers.reset();
    by.policy.durability = durability::verified;
    by.policy.fragments_min = 3;
    disk.flips_left = flips;
    bad.start();
    replace_node(1, bad.endpoint());
  }
};

} // namespace

TEST_CASE("a write whose answers are lost is sent again, and applied once") {
  bool parity = false;
  SUBCASE("copies") {}
  SUBCASE("two halves and their parity") {
    parity = true;
  }
  fixture it{parity};
  answer_losing_proxy proxy{it.nodes[0].endpoint(), 2, it.data.size() / 2};
  it.replace_node(0, proxy.endpoint());
  auto record = it.store();
  REQUIRE_MESSAGE(record, record.error().message);
  CHECK(proxy.left() == 0);
  CHECK(record->nodes == nodes_of_chunk{1, 2, 3});
  CHECK(it.allocated.size() == 1); // the same chunk went to the same nodes
  for (std::size_t node = 0; node < 3; ++node)
    CHECK(it.fragments_on(node) == 1);
  CHECK(it.can_read(*record));
}

TEST_CASE("once a node had its sends, another gets the chunk") {
  fixture it{false, 4};
  answer_losing_proxy proxy{it.nodes[0].endpoint(), 3, it.data.size() / 2};
  it.replace_node(0, proxy.endpoint());
  auto record = it.store();
  REQUIRE_MESSAGE(record, record.error().message);
  CHECK(proxy.left() == 0);
  CHECK(record->nodes == nodes_of_chunk{2, 3, 4});
}

TEST_CASE("without a policy of the scheme's own a node is sent a chunk as often as configured") {
  fixture it{false, 4};
  it.by.transfers.reset();
  std::uint32_t sends = 1;
  SUBCASE("once") {}
  SUBCASE("twice") {
    sends = 2;
  }
  it.settings.transfers.sends = sends;
  answer_losing_proxy proxy{it.nodes[0].endpoint(), 1, it.data.size() / 2};
  it.replace_node(0, proxy.endpoint());
  auto record = it.store();
  REQUIRE_MESSAGE(record, record.error().message);
  CHECK(record->nodes == (sends == 1 ? nodes_of_chunk{2, 3, 4} : nodes_of_chunk{1, 2, 3}));
}

TEST_CASE("a node whose disk changed a fragment once gets it again") {
  verified_fixture it{1};
  auto record = it.store();
  REQUIRE_MESSAGE(record, record.error().message);
  CHECK(record->nodes == nodes_of_chunk{1, 2, 3});
  CHECK(it.allocated.size() == 1);
  CHECK(it.can_read(*record));
  CHECK(it.bad.at.store->usage()->damaged == 1);
}

TEST_CASE("a node whose disk goes on changing fragments is left for another") {
  verified_fixture it{1'000'000, 4};
  auto record = it.store();
  REQUIRE_MESSAGE(record, record.error().message);
  CHECK(record->nodes == nodes_of_chunk{1, 3, 4});
  CHECK(it.can_read(*record));
  CHECK(it.bad.at.store->usage()->chunks == 0);
  CHECK(std::ranges::count(it.uploader.suspects().list(std::chrono::steady_clock::now()), 2) == 1);
}

TEST_CASE("without another node nothing is acknowledged, and the error names the bad one") {
  verified_fixture it{1'000'000};
  auto record = it.store_at([&](protocol::allocate_request request) {
    request.avoid.clear(); // as masters do that have no other node
    return it.view->masters().allocate(request);
  });
  REQUIRE_FALSE(record);
  CHECK_MESSAGE(record.error().message.find("other bytes") != std::string::npos,
                record.error().message);
}
