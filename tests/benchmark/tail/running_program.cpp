#include "running_program.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <utility>

namespace {

[[noreturn]] void become(std::vector<std::string>& words, const std::filesystem::path& log,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (::getppid() != parent || ::dup2(output, STDOUT_FILENO) < 0 ||
      ::dup2(output, STDERR_FILENO) < 0)
    ::_exit(127);
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

bool listens(std::uint16_t port) {
  auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  auto is_open = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return is_open;
}

} // namespace

running_program::running_program(std::vector<std::string> words, const std::filesystem::path& log)
    : process_{0}, log_{log} {
  auto parent = ::getpid();
  process_ = ::fork();
  if (process_ < 0)
    throw std::runtime_error{fmt::format("'{}' could not be started: fork failed", words.front())};
  if (process_ == 0)
    become(words, log_, parent);
}

running_program::running_program(running_program&& other) noexcept
    : process_{std::exchange(other.process_, 0)}, log_{std::move(other.log_)} {}

running_program::~running_program() {
  if (process_ == 0)
    return;
  ::kill(process_, SIGKILL); // which ends a paused process as well
  ::waitpid(process_, nullptr, 0);
}

void running_program::wait_for_port(std::uint16_t port) {
  using namespace std::chrono_literals;
  for (auto tried = 0ms; tried < 10s; tried += 10ms) {
    if (listens(port))
      return;
    std::this_thread::sleep_for(10ms);
  }
  std::stringstream printed;
  printed << std::ifstream{log_}.rdbuf();
  throw std::runtime_error{fmt::format("nothing listens at 127.0.0.1:{} after ten seconds; the "
                                       "program that was started for it printed: {}",
                                       port, printed.str())};
}

void running_program::pause() const {
  ::kill(process_, SIGSTOP);
}

void running_program::resume() const {
  ::kill(process_, SIGCONT);
}
