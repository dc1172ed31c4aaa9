#include "client/upload_leases.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace dfs;

namespace {

/// The shortest interval that there is follows from it.
constexpr std::chrono::milliseconds short_grace{1};

/// Masters that note what they are told, and answer when the test wants.
struct noting_masters {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint64_t, int> renewals;
  std::map<std::uint64_t, std::uint64_t> began_us;
  std::vector<std::function<void()>> unanswered;
  bool answers = true;

  upload_leases::calls calls() {
    return {[this](const protocol::renew_request& what) {
              std::lock_guard lock{mutex};
              ++renewals[what.upload];
              began_us[what.upload] = what.began_us;
              changed.notify_all();
            },
            [this](const protocol::finish_request&, std::function<void()> done) {
              std::unique_lock lock{mutex};
              if (!answers) {
                unanswered.push_back(std::move(done));
                return;
              }
              lock.unlock();
              done();
            }};
  }
  void wait_for_renewals(std::uint64_t upload, int count) {
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return renewals[upload] >= count; });
  }
  int renewals_of(std::uint64_t upload) {
    std::lock_guard lock{mutex};
    return renewals[upload];
  }
};

} // namespace

TEST_CASE("uploads with chunks are renewed until they end") {
  noting_masters masters;
  upload_leases leases{masters.calls(), 1};
  upload_lease without_chunk{leases, short_grace};
  upload_lease long_one{leases, short_grace};
  long_one.note_chunk({20, 1});
  std::uint64_t ended = 0;
  {
    upload_lease short_one{leases, short_grace};
    ended = short_one.id();
    short_one.note_chunk({30, 2});
    short_one.note_chunk({25, 3});
    masters.wait_for_renewals(ended, 2);
    CHECK(masters.began_us[ended] == 25);
  }
  auto before = masters.renewals_of(ended);
  masters.wait_for_renewals(long_one.id(), masters.renewals_of(long_one.id()) + 3);
  CHECK(masters.renewals_of(ended) <= before + 1); // one may have been on its way
  CHECK(masters.began_us[long_one.id()] == 20);
  CHECK(masters.renewals_of(without_chunk.id()) == 0);
}

TEST_CASE("uploads have numbers of their own") {
  noting_masters masters;
  upload_leases leases{masters.calls(), 1}, of_another{masters.calls(), 2};
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(leases.begin(short_grace));
    seen.insert(of_another.begin(short_grace));
  }
  CHECK(seen.size() == 200);
}

TEST_CASE("a client that ends waits until the masters have heard of the end of its uploads") {
  // The end waits for a second at most, and a busy machine may take longer to begin a thread.
  auto has_waited = false;
  for (int attempt = 0; attempt < 3 && !has_waited; ++attempt) {
    noting_masters masters;
    masters.answers = false;
    std::thread answering;
    std::atomic<bool> is_answered = false;
    {
      upload_leases leases{masters.calls(), 1};
      leases.finish(7);
      answering = std::thread{[&] {
        std::lock_guard lock{masters.mutex};
        is_answered = true;
        masters.unanswered.front()();
      }};
    }
    has_waited = is_answered;
    answering.join();
  }
  CHECK(has_waited);
}

TEST_CASE("an answer that comes after the client's end does no harm") {
  noting_masters masters;
  masters.answers = false;
  {
    upload_leases leases{masters.calls(), 1};
    leases.finish(7);
  }
  REQUIRE(masters.unanswered.size() == 1);
  masters.unanswered.front()();
}
