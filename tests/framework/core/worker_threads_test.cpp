#include <atoll/core/worker_threads.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

TEST_CASE("work runs once in each thread, including the calling thread") {
  for (unsigned threads : {0u, 1u, 5u}) {
    std::atomic<unsigned> calls{0};
    atl::run_on_threads(threads, [&] { ++calls; });
    CHECK(calls == (threads == 0 ? 1 : threads));
  }
}

TEST_CASE("an exception of any thread is rethrown to the caller once all threads have ended") {
  std::atomic<int> calls{0};
  auto work = [&] {
    if (++calls == 3)
      throw std::runtime_error{"third"};
  };
  CHECK_THROWS_WITH_AS(atl::run_on_threads(4, work), "third", std::runtime_error);
  CHECK(calls == 4);
}
