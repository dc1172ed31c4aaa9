#include "bulk/link_pool.hpp"

#include "bulk/bulk_limits.hpp"

#include <unistd.h>

namespace dfs {

link_pool::~link_pool() {
  for (const auto& [node, links] : idle_)
    for (const auto& each : links)
      ::close(each.fd);
}

int link_pool::take(const atl::endpoint& node) {
  std::lock_guard lock{mutex_};
  drop_old(std::chrono::steady_clock::now());
  auto found = idle_.find(atl::to_string(node));
  if (found == idle_.end() || found->second.empty())
    return -1;
  auto fd = found->second.back().fd;
  found->second.pop_back();
  return fd;
}

void link_pool::give_back(const atl::endpoint& node, int fd) {
  auto now = std::chrono::steady_clock::now();
  std::lock_guard lock{mutex_};
  drop_old(now);
  auto& links = idle_[atl::to_string(node)];
  if (links.size() < idle_links_max)
    links.push_back({fd, now});
  else
    ::close(fd);
}

void link_pool::drop_old(std::chrono::steady_clock::time_point now) {
  for (auto node = idle_.begin(); node != idle_.end();) {
    std::erase_if(node->second, [&](const idle_link& each) {
      bool old = now - each.since > link_idle_time_max;
      if (old)
        ::close(each.fd);
      return old;
    });
    node = node->second.empty() ? idle_.erase(node) : std::next(node);
  }
}

} // namespace dfs
