#include "apps/dfs/bulk/bulk_fixture.hpp"
#include "apps/dfs/bulk/throttling_proxy.hpp"
#include "apps/dfs/common/grouped_scheme.hpp"
#include "client/connection_pool.hpp"
#include "client/plugin_call.hpp"
#include "client/striped_writes.hpp"
#include "plugins/recovery/reed_solomon/reed_solomon_under_test.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/net/run_here.hpp>

#include <algorithm>

/// How a client encodes a chunk while it sends the fragments, with real nodes.
using namespace dfs;
using namespace dfs::test;

namespace {

constexpr std::size_t stripe = 4 * subject::cell;
const auto chunk = key_of(7).chunk;

/// Where a node says nothing, only the rules of writing end the wait.
bulk_options patient() {
  auto options = caller_options();
  options.timeouts.progress = std::chrono::hours{1};
  return options;
}

struct fixture {
  bulk_cluster nodes{6};
  connection_pool connections{patient()};
  transfer_progress progress;
  write_latencies latencies;
  fragment_writes::tools tools{connections, progress, latencies, patient().timeouts,
                               atl::spi::transfer_policy{.deadline = std::chrono::seconds{5},
                                                         .hedge_after = std::chrono::seconds{30}}};
  scheme by;
  std::vector<fragment_write> targets;

  explicit fixture(std::shared_ptr<const atl::spi::recovery> recovery = subject::scheme()) {
    by.id = 1;
    by.policy.recovery = "tested";
    by.policy.fragments = 6;
    by.recovery = std::move(recovery);
    for (std::uint32_t i = 0; i < 6; ++i)
      targets.push_back({storage_id{1 + i}, nodes[i].target(i)});
  }

  atl::result<failed_writes> write(const chunk_source& from, std::size_t enough = 5,
                                   std::uint32_t* crc = nullptr) {
    auto context = atl::net::context_of_this_thread();
    striped_writes writes{tools, context, chunk, by, from};
    auto done = atl::net::run_here(*context, writes.run(targets, enough));
    if (crc != nullptr)
      *crc = writes.crc();
    return done;
  }
  std::string stored(std::uint32_t fragment) {
    return get(*nodes[fragment].at.store, {chunk, fragment});
  }
  /// Are the fragments, except this one, those that the chunk is encoded into?
  bool are_right(std::string_view data, std::optional<std::uint32_t> without = std::nullopt) {
    std::string scratch;
    auto fragments = by.recovery->encode(data, scratch);
    for (std::uint32_t i = 0; i < fragments.size(); ++i)
      if (i != without && stored(i) != fragments[i])
        return false;
    return true;
  }
};

positioned_source reader_of(const std::string& data) {
  return [&data](std::uint64_t offset, std::span<char> into) -> atl::result<std::size_t> {
    auto bytes = std::string_view{data}.substr(std::min<std::size_t>(offset, data.size()));
    auto count = std::min(bytes.size(), into.size());
    std::copy_n(bytes.data(), count, into.data());
    return count;
  };
}

} // namespace

TEST_CASE("what is encoded while it is sent is what is encoded at once, of every size") {
  for (auto size : {std::size_t{1}, subject::cell + 1, stripe, 8 * stripe, 8 * stripe + 1,
                    16 * stripe - 5, 16 * stripe + 3 * subject::cell, 41 * stripe + 100'000}) {
    CAPTURE(size);
    fixture it;
    auto data = pattern(size);
    std::uint32_t crc = 0;
    auto is_in_memory = size % 2 == 0;
    auto source = is_in_memory ? chunk_source{data} : chunk_source{size, reader_of(data)};
    auto done = it.write(source, 5, &crc);
    REQUIRE_MESSAGE(done, done.error().message);
    CHECK(done->empty());
    CHECK(crc == atl::crc32c(data));
    CHECK(it.are_right(data));
  }
}

TEST_CASE("a node that freezes amid a chunk is given up, and the others get all that is theirs") {
  fixture it;
  it.tools.policy.hedge_after = std::chrono::seconds{1};
  auto data = pattern(64 * stripe);
  throttling_proxy freezing{it.nodes[2].endpoint(), {.bytes_max = 1'000'000}, {}};
  it.targets[2].target.at = freezing.endpoint();
  auto done = it.write(chunk_source{data});
  REQUIRE_MESSAGE(done, done.error().message);
  REQUIRE(done->size() == 1);
  CHECK(done->at(3).suspect);
  CHECK(done->at(3).why.message.find("took much longer") != std::string::npos);
  CHECK(it.are_right(data, 2));
}

TEST_CASE("a node that can't be reached has no fragment, and delays no other") {
  fixture it;
  auto data = pattern(40 * stripe);
  it.nodes[0].server->stop();
  auto done = it.write(chunk_source{data});
  REQUIRE_MESSAGE(done, done.error().message);
  REQUIRE(done->size() == 1);
  CHECK(done->at(1).why.code == atl::errc::unavailable);
  CHECK(it.are_right(data, 0));
}

TEST_CASE("a source that ends before its chunk does leaves no fragment behind") {
  fixture it;
  auto data = pattern(20 * stripe);
  auto done = it.write(chunk_source{data.size() + 1, reader_of(data)});
  REQUIRE_FALSE(done);
  CHECK(done.error().code == atl::errc::io);
  CHECK(done.error().message.find("became shorter") != std::string::npos);
  for (std::uint32_t i = 0; i < 6; ++i)
    CHECK(it.stored(i) == "not_found");
}

TEST_CASE("a plugin that throws amid a chunk ends the writes") {
  struct throws : grouped {
    void encode_stripe(std::span<const std::string_view>,
                       std::span<const std::span<char>>) const override {
      throw std::runtime_error{"no memory"};
    }
  };
  fixture it{std::make_shared<throws>()};
  auto data = pattern(20 * stripe);
  CHECK_THROWS_AS(it.write(chunk_source{data}), plugin_threw);
  CHECK(it.stored(0) == "not_found");
}

TEST_CASE("a chunk is written over connections that their nodes have closed meanwhile") {
  fixture it;
  auto data = pattern(10 * stripe);
  REQUIRE(it.write(chunk_source{data}));
  it.nodes[1].server->stop();
  it.nodes[1].start();
  it.targets[1].target.at = it.nodes[1].endpoint();
  auto done = it.write(chunk_source{data});
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(done->empty());
}
