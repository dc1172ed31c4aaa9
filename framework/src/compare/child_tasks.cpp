#include "child_tasks.hpp"

#include <atoll/core/child_process.hpp>

#include <fmt/format.h>

#include <csignal>
#include <deque>
#include <unistd.h>

namespace atl::compare {

namespace {

/// The child ends itself by SIGALRM unless its simulation goes on.
result<child_process> start(const child_task& task, std::chrono::seconds limit) {
  return child_process::start([&, limit](int to) {
    ::signal(SIGALRM, SIG_DFL);
    auto go_on = [seconds = static_cast<unsigned>(limit.count())] { ::alarm(seconds); };
    go_on();
    auto bytes = task.work(go_on);
    ::alarm(0); // the other process may take its time to read
    return write_all(to, bytes) ? 0 : 1;
  });
}

tl::unexpected<error> ended_early(const child_task& task, const child_process::ending& how,
                                  std::chrono::seconds limit) {
  auto what = how.signal == SIGALRM
                  ? fmt::format("hangs: its simulation stood still for {} s", limit.count())
              : how.signal != 0 ? fmt::format("crashed (signal {})", signal_name(how.signal))
                                : fmt::format("ended the process (exit code {})", how.code);
  return fail(errc::internal,
              fmt::format("{} {}, as strategy '{}'; choose another plugin, or fix this one",
                          task.plugin, what, task.label));
}

result<std::string> finish(child_process& child, const child_task& task,
                           std::chrono::seconds limit) {
  std::string bytes;
  for (;;) {
    auto some = child.read_some({});
    if (!some)
      return tl::unexpected{some.error()};
    if (some->empty())
      break;
    bytes += *some;
  }
  auto how = child.wait();
  if (how.signal != 0 || how.code != 0 || bytes.empty())
    return ended_early(task, how, limit);
  return bytes;
}

} // namespace

result<std::vector<std::string>> run_child_tasks(const std::vector<child_task>& tasks,
                                                 unsigned processes, std::chrono::seconds limit) {
  std::deque<child_process> children; // that run, the first one first
  std::size_t started = 0;
  std::vector<std::string> outcomes;
  for (auto& each : tasks) {
    for (; started < tasks.size() && children.size() < processes; ++started) {
      auto child = start(tasks[started], limit);
      if (!child)
        return tl::unexpected{child.error()};
      children.push_back(std::move(*child));
    }
    auto bytes = finish(children.front(), each, limit);
    if (!bytes)
      return tl::unexpected{bytes.error()};
    outcomes.push_back(std::move(*bytes));
    children.pop_front();
  }
  return outcomes;
}

} // namespace atl::compare
