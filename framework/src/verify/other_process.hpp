#pragma once

#include <functional>
#include <string>

namespace atl::verify {

/// What `work` returns in a forked copy of this process. The copy has another process id, and a
/// heap whose free blocks lie elsewhere. No other thread may run.
/// @throws broken when the copy crashes, ends early, or `work` throws.
std::string in_other_process(const std::function<std::string()>& work);

/// Waits until the clock's second is another one than when `began` was read from `time(nullptr)`.
void wait_for_another_second(long began);

} // namespace atl::verify
