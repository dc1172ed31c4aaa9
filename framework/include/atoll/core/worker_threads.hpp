#pragma once

#include <functional>

namespace atl {

/// Runs `work` in this many threads at once, the calling thread among them, and waits for all of
/// them. When the system starts no more threads, fewer threads run it.
/// @throws the first exception that `work` threw in any thread.
void run_on_threads(unsigned threads, const std::function<void()>& work);

} // namespace atl
