#pragma once

#include <functional>

namespace atl {

/// Does `work` in so many threads at once, this one among them, and waits for all. Where the system
/// starts no more threads, fewer do it.
/// @throws what the work threw, in whichever thread, first.
void run_on_threads(unsigned threads, const std::function<void()>& work);

} // namespace atl
