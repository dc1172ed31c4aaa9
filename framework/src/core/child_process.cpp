#include <atoll/core/child_process.hpp>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <limits>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

constexpr int threw = 125; ///< the exit code of a child whose work threw

void flush_output() {
  std::cout.flush();
  std::fflush(nullptr);
}

/// Signal handlers of this process must not run in the child.
void reset_signal_handlers() {
  for (auto number : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGINT, SIGSEGV, SIGTERM})
    ::signal(number, SIG_DFL);
}

[[noreturn]] void run_in_child(pid_t parent, int to, const std::function<int(int)>& work) {
  reset_signal_handlers();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent)
    ::_exit(threw); // the parent ended before this process asked to end with it
  auto code = threw;
  try {
    code = work(to);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "{}\n", problem.what());
  } catch (...) {
    fmt::print(stderr, "something that is no std::exception was thrown\n");
  }
  flush_output();
  ::_exit(code);
}

int poll_timeout(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds longest{std::numeric_limits<int>::max()};
  return limit.count() == 0 ? -1 : static_cast<int>(std::min(limit, longest).count());
}

} // namespace

result<child_process> child_process::start(const std::function<int(int to)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return tl::unexpected<error>{system_error(errno, "making a pipe to a child process")};
  flush_output(); // otherwise both processes would write the buffered output
  auto parent = ::getpid();
  auto process = ::fork();
  if (process == 0) {
    ::close(ends[0]);
    run_in_child(parent, ends[1], work);
  }
  auto problem = errno;
  ::close(ends[1]);
  if (process > 0)
    return child_process{process, ends[0]};
  ::close(ends[0]);
  return tl::unexpected<error>{system_error(problem, "starting a child process")};
}

child_process::child_process(child_process&& other) noexcept
    : process_{std::exchange(other.process_, 0)}, from_{std::exchange(other.from_, -1)} {}

child_process::~child_process() {
  if (process_ != 0)
    kill();
  if (from_ >= 0)
    ::close(from_);
}

result<std::string> child_process::read_some(std::chrono::milliseconds limit) {
  for (;;) {
    pollfd readable{from_, POLLIN, 0};
    auto ready = ::poll(&readable, 1, poll_timeout(limit));
    if (ready == 0)
      return fail(errc::timeout, fmt::format("nothing came for {} ms", limit.count()));
    std::array<char, 4096> buffer;
    auto got = ready < 0 ? -1 : ::read(from_, buffer.data(), buffer.size());
    if (got >= 0)
      return std::string{buffer.data(), static_cast<std::size_t>(got)};
    if (errno != EINTR)
      return tl::unexpected<error>{system_error(errno, "reading from a child process")};
  }
}

child_process::ending child_process::wait() {
  int status = 0;
  pid_t ended = 0;
  do
    ended = ::waitpid(process_, &status, 0);
  while (ended < 0 && errno == EINTR);
  process_ = 0;
  if (ended > 0 && WIFSIGNALED(status))
    return {0, WTERMSIG(status)};
  return {ended > 0 ? WEXITSTATUS(status) : threw, 0};
}

child_process::ending child_process::kill() {
  ::kill(process_, SIGKILL);
  return wait();
}

bool write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    auto wrote = ::write(to, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

std::string signal_name(int number) {
  auto* name = ::sigabbrev_np(number);
  return name ? name : fmt::format("{}", number);
}

} // namespace atl
