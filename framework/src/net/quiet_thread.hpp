#pragma once

#include <functional>
#include <thread>

namespace atl::net {

/// Starts a thread that gets no signals from outside: they are for the main thread. Those that
/// stand for a defect of the thread itself reach it. Among those that don't is SIGPIPE, which
/// sendfile(2) to a peer that has gone raises. @throws std::system_error
std::thread start_quiet_thread(std::function<void()> run);

} // namespace atl::net
