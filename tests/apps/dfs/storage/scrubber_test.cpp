#include "apps/dfs/storage/faulty_disk.hpp"
#include "apps/dfs/storage/store_fixture.hpp"
#include "storage/scrub_file.hpp"
#include "storage/scrubber.hpp"

#include <cerrno>

/// When a storage node reads what it stores again. Time is simulated.
using namespace dfs;
using namespace dfs::test;
using namespace std::chrono_literals;
using us = std::chrono::microseconds;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t start_us = 1'700'000'000'000'000;

/// A node's fragments of 1 MiB each, and a clock that goes on while the scrub waits.
struct simulated_node {
  scrubber::limits limits{24h, 4 * mib};
  std::uint64_t fragments = 0;
  std::chrono::microseconds passed{0};
  std::vector<std::uint64_t> read; ///< the fragments, in the order in which they were read
  scrubber it{limits, {}};

  explicit simulated_node(std::uint64_t count) : fragments{count} {}

  scrubber::moment now() const {
    return {std::chrono::steady_clock::time_point{} + passed,
            start_us + static_cast<std::uint64_t>(passed.count())};
  }
  std::uint64_t stored_bytes() const { return fragments * mib; }
  void begin(scrub_pace pace) { it.begin(now(), stored_bytes(), pace); }

  /// Reads until the pass has ended or this time has passed. @param busy are clients' requests
  /// under way all the time?
  void run(us limit, bool busy = false) {
    auto until = passed + limit;
    while (it.position().is_under_way && passed < until) {
      auto next = it.position().next.chunk.made_us;
      next += it.position().next.fragment; // after the last one that was read
      if (next >= fragments) {
        it.on_end(now());
        return;
      }
      if (auto wait = it.wait_before_fragment(now(), busy); wait > 0us) {
        passed += std::min(wait, until - passed);
        continue;
      }
      it.on_read(now(), mib);
      it.on_checked({{next, 0}, 0}, {});
      read.push_back(next);
    }
  }
};

std::vector<std::uint64_t> numbers_to(std::uint64_t count) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t i = 0; i < count; ++i)
    all.push_back(i);
  return all;
}

} // namespace

TEST_CASE(
    "a pass reads each fragment once, in order, and the next one is due a period after it began") {
  simulated_node node{50};
  CHECK(node.it.is_due(node.now(), node.stored_bytes()));
  node.begin(scrub_pace::scheduled);
  CHECK_FALSE(node.it.is_due(node.now(), node.stored_bytes()));
  node.run(24h);
  CHECK(node.read == numbers_to(50));
  auto& status = node.it.position().status;
  CHECK(status.done_bytes == 50 * mib);
  CHECK(status.total_bytes == 50 * mib);
  CHECK(status.began_us == start_us);
  CHECK(status.ended_us == node.now().wall_us);
  CHECK_FALSE(node.it.is_due(node.now(), node.stored_bytes()));
  node.passed = 24h - 1us;
  CHECK_FALSE(node.it.is_due(node.now(), node.stored_bytes()));
  node.passed = 24h;
  CHECK(node.it.is_due(node.now(), node.stored_bytes()));
}

TEST_CASE("a node that stores nothing begins no pass, so that the first data doesn't wait for the "
          "second one") {
  simulated_node node{0};
  CHECK_FALSE(node.it.is_due(node.now(), 0));
  CHECK(node.it.is_due(node.now(), 1));
}

TEST_CASE("a pass of the schedule is spread over the period, and ends within it") {
  simulated_node node{100};
  node.begin(scrub_pace::scheduled);
  node.run(6h);
  // Three tenths of the time that the pass is to take, which is a part of the period.
  CHECK(node.read.size() >= 31);
  CHECK(node.read.size() <= 33);
  node.run(24h - 6h);
  CHECK_FALSE(node.it.position().is_under_way);
  CHECK(node.passed <= us{24h} * scrubber::scheduled_percent / 100);
}

TEST_CASE("what is stored during a pass is read by it, and within the period too") {
  simulated_node node{2};
  node.begin(scrub_pace::scheduled);
  node.run(1s);
  CHECK(node.read.size() == 1);
  node.fragments = 100'000; // takes seven hours at the highest rate
  node.it.on_stored(node.stored_bytes());
  CHECK(node.it.position().status.total_bytes == node.stored_bytes());
  node.run(12h);
  CHECK(node.read.size() > 60'000);
  CHECK(node.read.size() < 65'000); // and is spread over the period
  node.run(24h - 12h - 1s);
  CHECK(node.read.size() == 100'000);
  CHECK_FALSE(node.it.position().is_under_way);
}

TEST_CASE("no second has more reads than the rate allows, also when a pass is behind") {
  for (auto pace : {scrub_pace::limited, scrub_pace::scheduled}) {
    simulated_node node{400};
    node.begin(pace);
    if (pace == scrub_pace::scheduled)
      node.passed = 23h; // most of the schedule has passed without a read
    for (int second = 1; second <= 20; ++second) {
      auto before = node.read.size();
      node.run(1s);
      CHECK(node.read.size() - before <= 5); // 4 MiB a second, and one that has begun
      CHECK(node.read.size() <= static_cast<std::size_t>(4 * second + 1));
    }
    CHECK(node.read.size() >= 76); // and it is used
  }
}

TEST_CASE("what the rate would have allowed during a pause isn't made up for at once") {
  simulated_node node{400};
  node.begin(scrub_pace::limited);
  node.run(1h, true); // clients are busy
  CHECK(node.read.empty());
  node.run(1s);
  CHECK(node.read.size() <= 5);
}

TEST_CASE("a scrub waits while clients' requests are under way, unless it is late or unlimited") {
  simulated_node node{400};
  node.begin(scrub_pace::scheduled);
  node.run(24h, true);
  CHECK(node.read.empty());
  node.run(10s, true); // late, so that busy clients don't hide damage for ever
  CHECK(node.read.size() >= 36);
  CHECK(node.read.size() <= 41);

  simulated_node ordered{400};
  ordered.begin(scrub_pace::unlimited);
  ordered.run(1us, true);
  CHECK(ordered.read == numbers_to(400));
  CHECK(ordered.passed == 0us);
}

TEST_CASE("after a restart a pass goes on where it was") {
  simulated_node node{400};
  node.begin(scrub_pace::limited);
  node.run(20s);
  auto so_far = node.read.size();
  CHECK(so_far > 0);
  node.it = scrubber{node.limits, node.it.position()};
  node.run(24h);
  CHECK(node.read == numbers_to(400));
}

TEST_CASE("a pass counts what it finds, and the next one begins to count anew") {
  simulated_node node{3};
  node.begin(scrub_pace::unlimited);
  node.it.on_checked({{0, 0}, 0}, "block 5 is damaged");
  node.it.on_checked({{1, 0}, 0}, std::string(300, 'x'));
  CHECK(node.it.position().status.damaged == 2);
  CHECK(node.it.position().status.last_finding == std::string(200, 'x'));
  node.begin(scrub_pace::unlimited);
  CHECK(node.it.position().status.damaged == 0);
  CHECK(node.it.position().status.last_finding.empty());
  CHECK(node.it.position().next == fragment_key{});
}

TEST_CASE("a fragment that was begun is read to its end within the rate, and not over the period") {
  simulated_node node{10};
  node.begin(scrub_pace::scheduled);
  node.it.on_read(node.now(), mib);
  CHECK(node.it.wait_before_read(node.now(), false) == 250ms);
  CHECK(node.it.wait_before_fragment(node.now(), false) > 1h);
  node.passed += 250ms;
  CHECK(node.it.wait_before_read(node.now(), false) == 0us);
  CHECK(node.it.wait_before_read(node.now(), true) == scrubber::yield_time);
}

TEST_CASE("a clock that is set back neither stops the scrub nor makes it read all the time") {
  simulated_node node{10};
  node.begin(scrub_pace::scheduled);
  auto earlier = node.now();
  earlier.wall_us -= 1'000'000'000'000;
  CHECK(node.it.wait_before_fragment(earlier, false) <= 24h);
  node.run(24h);
  CHECK(node.it.is_due(earlier, node.stored_bytes()));
}

// -- the file -----------------------------------------------------------------

namespace {

scrub_position some_position() {
  scrub_position position;
  position.is_under_way = true;
  position.pace = scrub_pace::limited;
  position.run = 77;
  position.next = {{5, 6}, 7};
  position.status = {1, 2, 3, 4, 5, "a finding"};
  return position;
}

} // namespace

TEST_CASE(
    "the position of a scrub is read as it was saved, and a file that is damaged is refused") {
  temporary_folder folder;
  auto path = (folder.path() / "scrub").string();
  CHECK(load_scrub_position(path).error().code == atl::errc::not_found);
  REQUIRE(save_scrub_position(path, some_position()));
  REQUIRE(save_scrub_position(path, some_position()));
  CHECK(load_scrub_position(path) == some_position());
  auto bytes = encode_scrub_position(some_position());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CHECK_FALSE(decode_scrub_position(bytes.substr(0, at)));
    auto altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ 0x20);
    CHECK_FALSE(decode_scrub_position(altered));
  }
  bytes.push_back('x');
  CHECK_FALSE(decode_scrub_position(bytes));
}

TEST_CASE("a position that was saved survives a power cut, and one that can't be saved keeps the "
          "former") {
  temporary_folder folder;
  auto path = (folder.path() / "scrub").string();
  faulty_disk disk;
  auto saved = some_position();
  REQUIRE(save_scrub_position(path, saved, disk));
  auto later = saved;
  later.status.done_bytes = 99;
  for (auto which : {call::open, call::pwrite, call::fdatasync, call::rename}) {
    disk.fail_next(which, EIO);
    CHECK_FALSE(save_scrub_position(path, later, disk));
    CHECK(load_scrub_position(path) == saved);
  }
  disk.cut_power();
  CHECK(load_scrub_position(path) == saved);
}
