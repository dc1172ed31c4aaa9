#include "node_processes.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

namespace two_groups {

namespace {

namespace fs = std::filesystem;

/// The inodes of a process's sockets.
std::set<std::string> sockets_of(pid_t process) {
  std::set<std::string> inodes;
  std::error_code failed;
  for (auto& entry : fs::directory_iterator{fmt::format("/proc/{}/fd", process), failed})
    if (auto target = fs::read_symlink(entry, failed).string(); target.starts_with("socket:["))
      inodes.insert(target.substr(8, target.size() - 9));
  return inodes;
}

/// The inode of each connected TCP socket of this machine, by its address and its peer's.
std::map<std::pair<std::string, std::string>, std::string> connections_of_machine() {
  constexpr auto established = "01";
  std::map<std::pair<std::string, std::string>, std::string> inodes;
  std::ifstream table{"/proc/net/tcp"};
  std::string line;
  std::getline(table, line); // the header
  while (std::getline(table, line)) {
    std::istringstream words{line};
    std::string slot, here, there, state, queues, timer, retransmits, user, timeout, inode;
    words >> slot >> here >> there >> state >> queues >> timer >> retransmits >> user >> timeout >>
        inode;
    if (state == established)
      inodes[{here, there}] = inode;
  }
  return inodes;
}

} // namespace

void eventually(const std::string& what, const std::function<bool()>& holds) {
  auto give_up = std::chrono::steady_clock::now() + test_timeout;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= give_up)
      FAIL("not in time: " << what);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

node_processes::node_processes() {
  std::string members;
  for (int number : {1, 2, 3}) {
    addresses_[number] = {"127.0.0.1", free_port()};
    members += fmt::format("  {{ id = {0}, name = \"member-{0}\", address = \"{1}\" }},\n", number,
                           to_string(addresses_[number]));
  }
  folder_.write("cluster.toml",
                fmt::format("members = [\n{}]\n[cluster]\nname = \"pair\"\n"
                            "[plugins]\npath = [\"{}\"]\n[consensus]\nplugin = \"raft\"\n"
                            "[links]\nheartbeat = \"100ms\"\nfailure_timeout = \"{}s\"\n"
                            "[client]\ntimeout = \"60s\"\nrefusal_timeout = \"20s\"\n",
                            members, PLUGIN_FOLDER, failure_timeout.count()));
  for (int number : {1, 2, 3}) {
    auto name = fmt::format("member-{}", number);
    auto file = folder_.write(name + ".toml",
                              fmt::format("include = \"cluster.toml\"\n[node]\nname = \"{0}\"\n"
                                          "roles = [\"jobs\", \"locks\"]\ndata = \"data/{0}\"\n"
                                          "reserve = \"1MiB\"\n",
                                          name));
    nodes_[number] = {name, file, folder_ / "run" / (name + ".log"),
                      folder_ / "run" / (name + ".pid")};
  }
}

node_processes::~node_processes() {
  for (auto& [number, process] : processes_)
    ::kill(process, SIGTERM); // all at once: each takes a moment
  for (auto& [number, process] : processes_) {
    static_cast<void>(atl::node::stop(process, failure_timeout));
    ::waitpid(process, nullptr, 0);
  }
}

void node_processes::start(int number, const std::vector<std::string>& more) {
  auto started = atl::node::start(nodes_.at(number), PROGRAM, more);
  REQUIRE_MESSAGE(started.has_value(), started.error().message);
  processes_[number] = started->process;
}

void node_processes::kill(int number) {
  auto process = processes_.extract(number).mapped();
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
}

std::string node_processes::log_of(int number) const {
  std::ifstream file{nodes_.at(number).log};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::size_t node_processes::connected_sockets() const {
  std::set<std::string> ours;
  for (auto& [number, process] : processes_)
    ours.merge(sockets_of(process));
  auto inodes = connections_of_machine();
  std::size_t count = 0;
  for (auto& [ends, inode] : inodes) {
    auto other = inodes.find({ends.second, ends.first});
    if (ours.contains(inode) && other != inodes.end() && ours.contains(other->second))
      ++count;
  }
  return count;
}

} // namespace two_groups
