#include <atoll/net/all_of.hpp>
#include <atoll/net/coroutine_group.hpp>
#include <atoll/net/io_thread.hpp>
#include <atoll/net/run_here.hpp>
#include <atoll/net/worker_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

using namespace atl::net;
using boost::asio::awaitable;

namespace {

struct visit {
  std::thread::id worked_in;
  std::thread::id came_back_to;
};

awaitable<visit> visit_pool(worker_pool& pool) {
  auto work = [] { return std::this_thread::get_id(); };
  visit seen;
  seen.worked_in = co_await on(pool, work);
  seen.came_back_to = std::this_thread::get_id();
  co_return seen;
}

awaitable<std::string> throw_in(worker_pool& pool) {
  auto work = []() -> int { throw std::runtime_error{"no such luck"}; };
  std::string caught;
  try {
    co_await on(pool, work);
  } catch (const std::runtime_error& problem) {
    caught = problem.what();
  }
  co_return caught;
}

/// Work that waits until so many are at work at once.
struct meeting {
  std::mutex mutex;
  std::condition_variable changed;
  int present = 0;

  void wait_for(int others) {
    std::unique_lock lock{mutex};
    ++present;
    changed.notify_all();
    changed.wait(lock, [&] { return present >= others; });
  }
};

awaitable<int> meet(worker_pool& pool, meeting& at, int others) {
  auto work = [&at, others] { at.wait_for(others); };
  co_await on(pool, work);
  co_return 1;
}

awaitable<int> count_in(worker_pool& pool, std::atomic<int>& at_work, std::atomic<int>& most) {
  auto work = [&] {
    auto now = ++at_work;
    for (auto seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --at_work;
  };
  co_await on(pool, work);
  co_return 1;
}

awaitable<void> fail_after(worker_pool& pool) {
  auto work = [] { throw std::runtime_error{"of a coroutine"}; };
  co_await on(pool, work);
}

} // namespace

TEST_CASE("work runs in a thread of the pool, and the coroutine comes back to its own") {
  worker_pool pool{4};
  auto context = context_of_this_thread();
  auto seen = run_here(*context, visit_pool(pool));
  CHECK(seen.worked_in != std::this_thread::get_id());
  CHECK(seen.came_back_to == std::this_thread::get_id());
}

TEST_CASE("an exception of the work comes back") {
  worker_pool pool{1};
  CHECK(run_here(*context_of_this_thread(), throw_in(pool)) == "no such luck");
}

TEST_CASE("a pool starts threads while work waits, up to its limit") {
  worker_pool pool{8};
  CHECK(pool.threads() == 1);
  auto context = context_of_this_thread();
  meeting at;
  std::vector<awaitable<int>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(meet(pool, at, 8));
  CHECK(run_here(*context, all_of(std::move(all))).size() == 8);
  CHECK(pool.threads() == 8);
  std::atomic<int> at_work = 0;
  std::atomic<int> most = 0;
  std::vector<awaitable<int>> many;
  for (int i = 0; i < 1000; ++i)
    many.push_back(count_in(pool, at_work, most));
  CHECK(run_here(*context, all_of(std::move(many))).size() == 1000);
  CHECK(pool.threads() == 8);
  CHECK(most <= 8);
}

TEST_CASE("a group waits for its coroutines, and an exception ends one of them only") {
  io_thread io{"test"};
  worker_pool pool{2}; // ends first, because its threads go back to the context
  coroutine_group group{"test"};
  for (int i = 0; i < 20; ++i)
    group.start(io.context(), fail_after(pool));
  group.wait();
}
