#pragma once

#include <functional>
#include <string>

namespace atl::verify {

/// @returns what `work` returns in a forked copy of this process, which has another process id and
/// another layout of free heap blocks. No other thread may run.
/// @throws broken when the copy crashes, exits early, or `work` throws.
std::string in_other_process(const std::function<std::string()>& work);

/// Waits until `time(nullptr)` differs from `began`, an earlier value of it.
void wait_for_another_second(long began);

} // namespace atl::verify
