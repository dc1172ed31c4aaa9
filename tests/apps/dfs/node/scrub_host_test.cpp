#include "apps/dfs/storage/store_fixture.hpp"
#include "node/scrub_host.hpp"

#include <atomic>
#include <thread>

/// The thread that reads a store again, on real files.
using namespace dfs;
using namespace dfs::test;
using protocol::scrub_phase;
using protocol::scrub_request;

namespace {

struct scrubbed_node {
  store_fixture at;
  std::atomic<std::uint32_t> in_flight = 0;
  std::unique_ptr<scrub_host> host;
  scrubber::limits limits{std::chrono::hours{1000}, 1 << 20};

  void start() {
    scrub_host::settings settings;
    settings.store = {at.store.get(), [](chunk_store*) {}};
    settings.file = (at.home.path() / "scrub").string();
    settings.limits = limits;
    settings.in_flight = [this] { return in_flight.load(); };
    host = std::make_unique<scrub_host>(std::move(settings));
  }
  protocol::scrub_state wait_for(const scrub_request& request) {
    for (;;) {
      auto state = host->order(request);
      if (state.phase != scrub_phase::reading)
        return state;
      std::this_thread::yield();
    }
  }
};

} // namespace

TEST_CASE("a pass that is ordered finds each damaged fragment, moves it aside and tells it") {
  scrubbed_node node;
  auto data = pattern(2 * block_size + 1);
  for (std::uint64_t i = 0; i < 20; ++i)
    REQUIRE(put(*node.at.store, key_of(i), data));
  node.at.flip_bit(key_of(3), 70'000);
  std::filesystem::remove(node.at.path_of(key_of(11)));
  (void)node.at.store->take_damaged();
  node.start();
  auto state = node.wait_for({1, true});
  CHECK(state.phase == scrub_phase::done);
  CHECK(state.status.damaged == 2);
  CHECK(state.status.last_finding.find(to_string(key_of(11))) != std::string::npos);
  CHECK(state.status.done_bytes == 20 * data.size());
  CHECK(get(*node.at.store, key_of(3)) == "not_found");
  CHECK(get(*node.at.store, key_of(4)) == data);
  CHECK(node.at.store->take_damaged().size() == 2);
  CHECK(node.at.files_in("damaged") == 1); // the other one had no file
  auto again = node.wait_for({2, true});
  CHECK(again.status.damaged == 0);
}

TEST_CASE("a pass of the schedule begins by itself once something is stored") {
  scrubbed_node node;
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  node.at.flip_bit(key_of(1), 0);
  node.start();
  while (node.host->status().damaged == 0)
    std::this_thread::yield();
  CHECK(get(*node.at.store, key_of(1)) == "not_found");
}

TEST_CASE("a run whose pass another one has replaced is told so, and doesn't begin again") {
  scrubbed_node node;
  REQUIRE(put(*node.at.store, key_of(1), pattern(9 * block_size)));
  node.in_flight = 1; // so that a limited pass waits
  node.start();
  CHECK(node.host->order({1, false}).phase == scrub_phase::reading);
  CHECK(node.wait_for({2, true}).phase == scrub_phase::done);
  CHECK(node.host->order({1, false}).phase == scrub_phase::replaced);
  CHECK(node.host->order({2, true}).phase == scrub_phase::done);
}

TEST_CASE("a pass goes on after a restart, and ends in the middle of a fragment if it must") {
  scrubbed_node node;
  auto data = pattern(40 * block_size); // in several steps
  for (std::uint64_t i = 0; i < 4; ++i)
    REQUIRE(put(*node.at.store, key_of(i), data));
  node.limits.bytes_per_second = 1; // one step, and then it waits for days
  node.start();
  (void)node.host->order({5, false});
  while (node.host->status().done_bytes == 0)
    std::this_thread::yield();
  node.host.reset();
  node.in_flight = 1; // the second host reads nothing
  node.start();
  auto state = node.host->order({5, false});
  CHECK(state.phase == scrub_phase::reading);
  CHECK(state.status.done_bytes > 0);
  CHECK(state.status.done_bytes < 4 * data.size());
}
