#include "namespace_network.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <sched.h>
#include <unistd.h>

namespace {

void run(const std::string& command) {
  auto code = std::system(command.c_str());
  REQUIRE_MESSAGE(code == 0, command);
}

/// A process in its own network namespace that does nothing until this process ends.
pid_t hold_namespace() {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    char done = ::unshare(CLONE_NEWNET) == 0 ? 1 : 0;
    if (::write(ready[1], &done, 1) != 1)
      ::_exit(1);
    for (;;)
      ::pause();
  }
  char done = 0;
  REQUIRE(::read(ready[0], &done, 1) == 1);
  ::close(ready[0]);
  ::close(ready[1]);
  REQUIRE(done == 1);
  return child;
}

} // namespace

bool namespace_network::possible() {
  return ::geteuid() == 0 &&
         std::system("unshare --net sh -c 'ip link set lo up && ip link add b0 type bridge && "
                     "ip link add v0 type veth peer name v1' > /dev/null 2>&1") == 0;
}

namespace_network::namespace_network(const std::vector<std::string>& names) {
  // Once per process: a second network replaces the first.
  REQUIRE(::unshare(CLONE_NEWNET) == 0);
  run("ip link set lo up");
  run("ip link add hub type bridge && ip addr add 10.66.0.254/24 dev hub && ip link set hub up");
  int number = 0;
  for (auto& name : names) {
    auto& it = hosts_[name];
    it.number = ++number;
    it.holder = hold_namespace();
    run(fmt::format("ip link add port{0} type veth peer name eth0 netns {1} && "
                    "ip link set port{0} master hub up && "
                    "nsenter --target {1} --net sh -c 'ip link set lo up && "
                    "ip addr add 10.66.0.{0}/24 dev eth0 && ip link set eth0 up'",
                    it.number, it.holder));
  }
}

namespace_network::~namespace_network() {
  for (auto& [name, it] : hosts_) {
    ::kill(it.holder, SIGKILL);
    ::waitpid(it.holder, nullptr, 0);
  }
}

std::string namespace_network::host::address() const {
  return fmt::format("10.66.0.{}", number);
}

std::string namespace_network::address_of(const std::string& host, std::uint16_t port) {
  return fmt::format("{}:{}", hosts_.at(host).address(), port);
}

std::string namespace_network::listens_at(const std::string& host, std::uint16_t port) {
  return address_of(host, port);
}

std::vector<std::string> namespace_network::run_on(const std::string& host) const {
  return {"/usr/bin/nsenter", "--target", std::to_string(hosts_.at(host).holder), "--net", "--"};
}

void namespace_network::isolate(const std::string& host) {
  run(fmt::format("ip link set port{} down", hosts_.at(host).number));
}

void namespace_network::rejoin(const std::string& host) {
  run(fmt::format("ip link set port{} up", hosts_.at(host).number));
}

void namespace_network::cut(const std::string& from, const std::string& to) {
  run(fmt::format("nsenter --target {} --net ip route add blackhole {}/32", hosts_.at(from).holder,
                  hosts_.at(to).address()));
}

void namespace_network::join(const std::string& from, const std::string& to) {
  run(fmt::format("nsenter --target {} --net ip route del blackhole {}/32", hosts_.at(from).holder,
                  hosts_.at(to).address()));
}
