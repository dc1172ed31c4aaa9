#include <atoll/core/worker_threads.hpp>

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace atl {

void run_on_threads(unsigned threads, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr first;
  auto guarded = [&] {
    try {
      work();
    } catch (...) {
      std::lock_guard lock{mutex};
      if (!first)
        first = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  try {
    for (unsigned i = 1; i < threads; ++i)
      others.emplace_back(guarded);
  } catch (const std::system_error&) {
    // The system starts no more threads: the running threads do all the work.
  }
  guarded();
  for (auto& other : others)
    other.join();
  if (first)
    std::rethrow_exception(first);
}

} // namespace atl
