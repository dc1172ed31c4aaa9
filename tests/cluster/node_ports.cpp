#include "node_ports.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

constexpr const char* listening = "0A"; ///< the state in /proc/net/tcp

/// The inodes of a process's sockets.
std::set<std::string> sockets_of(pid_t process) {
  std::set<std::string> inodes;
  std::error_code problem;
  for (auto& descriptor : fs::directory_iterator{fmt::format("/proc/{}/fd", process), problem}) {
    auto target = fs::read_symlink(descriptor, problem).string();
    if (target.starts_with("socket:["))
      inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

} // namespace

std::vector<std::uint16_t> listening_ports(pid_t process) {
  auto inodes = sockets_of(process);
  std::vector<std::uint16_t> ports;
  for (auto* table : {"tcp", "tcp6"}) {
    std::istringstream lines{read_file(fmt::format("/proc/{}/net/{}", process, table))};
    std::string line;
    std::getline(lines, line); // the heading
    while (std::getline(lines, line)) {
      std::istringstream words{line};
      std::string number, local, remote, state, queues, timer, retries, user, timeout, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> retries >> user >>
          timeout >> inode;
      if (state == listening && inodes.contains(inode))
        ports.push_back(static_cast<std::uint16_t>(
            std::stoul(local.substr(local.rfind(':') + 1), nullptr, 16)));
    }
  }
  return ports;
}

std::size_t resident_bytes(pid_t process) {
  std::istringstream pages{read_file(fmt::format("/proc/{}/statm", process))};
  std::size_t total = 0;
  std::size_t resident = 0;
  pages >> total >> resident;
  REQUIRE(resident > 0);
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::vector<node_port> ports_of(test_cluster& cluster) {
  std::vector<node_port> all;
  for (auto& node : cluster.names())
    for (auto port : listening_ports(cluster.process_of(node)))
      all.push_back({node, port});
  REQUIRE(all.size() >= cluster.names().size());
  return all;
}

node_watch::node_watch(test_cluster& cluster) : cluster_{cluster} {
  for (auto& node : cluster.names()) {
    auto process = cluster.process_of(node);
    nodes_[node] = {process, resident_bytes(process), listening_ports(process).size()};
  }
  refusals_ = logged_refusals();
}

void node_watch::check() {
  static int files = 0;
  auto path = fmt::format("/after-{}", ++files);
  auto bytes = random_bytes(200'000, static_cast<std::uint64_t>(files));
  auto put = cluster_.dfs({"put", "-", path}, bytes);
  CHECK_MESSAGE(put.code == 0, put.err);
  CHECK((cluster_.dfs({"cat", path}).out == bytes));
  std::size_t ports = 0;
  for (auto& [node, before] : nodes_) {
    CHECK_MESSAGE(cluster_.is_running(node), cluster_.log_of(node));
    ports += before.ports;
  }
  auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began_);
  auto lines_max = (static_cast<std::size_t>(seconds.count()) + 2) * ports;
  CHECK(logged_refusals() - refusals_ <= lines_max);
}

void node_watch::check_memory(std::size_t bytes_max) {
  for (auto& [node, before] : nodes_) {
    auto now = resident_bytes(before.process);
    auto grown = now > before.memory ? now - before.memory : 0;
    MESSAGE(node << " grew by " << grown / 1024 << " KiB from " << before.memory / 1024 << " KiB");
    CHECK(grown <= bytes_max);
  }
}

std::size_t node_watch::logged_refusals() const {
  std::size_t lines = 0;
  for (auto& [node, before] : nodes_)
    for (auto* words : {"refused a connection from", "turned away:", "dropped "})
      lines += count(cluster_.log_of(node), words);
  return lines;
}
