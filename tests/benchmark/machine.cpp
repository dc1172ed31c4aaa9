#include "machine.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace machine {

namespace {

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point began) {
  return std::chrono::duration<double>(clock::now() - began).count();
}

void check(bool ok, const char* what) {
  if (!ok)
    throw std::runtime_error(what);
}

std::uint64_t status_line(int process, const std::string& key) {
  std::ifstream in{fmt::format("/proc/{}/status", process)};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":"))
      return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
  return 0;
}

} // namespace

double syncs_per_second(const std::filesystem::path& folder) {
  auto file = folder / "syncs";
  int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  check(fd >= 0, "making a file");
  std::string block(4096, 'x');
  auto began = clock::now();
  int count = 0;
  while (seconds_since(began) < 1.0) {
    check(::write(fd, block.data(), block.size()) == 4096 && ::fdatasync(fd) == 0, "syncing");
    ++count;
  }
  auto rate = count / seconds_since(began);
  ::close(fd);
  std::filesystem::remove(file);
  return rate;
}

double dd_bytes_per_second(const std::filesystem::path& folder, std::uint64_t bytes, int files) {
  auto began = clock::now();
  for (int i = 0; i < files; ++i) {
    auto command =
        fmt::format("dd if=/dev/zero of={}/dd{} bs=1M count={} conv=fdatasync status=none",
                    folder.string(), i, bytes >> 20);
    check(std::system(command.c_str()) == 0, "dd");
  }
  auto rate = static_cast<double>(bytes) / seconds_since(began);
  for (int i = 0; i < files; ++i)
    std::filesystem::remove(folder / fmt::format("dd{}", i));
  return rate;
}

double loopback_bytes_per_second(std::uint64_t bytes) {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0 &&
            ::getsockname(listener, generic, &size) == 0,
        "listening");
  constexpr std::size_t piece = 256 << 10;
  std::thread sender{[&] {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(::connect(fd, generic, size) == 0, "connecting");
    std::vector<char> buffer(piece, 'x');
    for (std::uint64_t sent = 0; sent < bytes;) {
      auto put = ::send(fd, buffer.data(), std::min<std::uint64_t>(piece, bytes - sent), 0);
      check(put > 0, "sending");
      sent += static_cast<std::uint64_t>(put);
    }
    ::close(fd);
  }};
  int fd = ::accept(listener, nullptr, nullptr);
  std::vector<char> buffer(piece);
  auto began = clock::now();
  std::uint64_t received = 0;
  while (auto got = ::recv(fd, buffer.data(), buffer.size(), 0)) {
    check(got > 0, "receiving");
    received += static_cast<std::uint64_t>(got);
  }
  auto rate = static_cast<double>(received) / seconds_since(began);
  sender.join();
  ::close(fd);
  ::close(listener);
  return rate;
}

double processor_seconds(int process) {
  std::ifstream in{fmt::format("/proc/{}/stat", process)};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  auto behind_name = text.rfind(')');
  if (behind_name == text.npos)
    return 0;
  std::istringstream fields{text.substr(behind_name + 1)};
  std::string skipped;
  for (int i = 0; i < 11; ++i) // up to utime
    fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t resident_bytes(int process) {
  return status_line(process, "VmRSS");
}
std::uint64_t peak_resident_bytes(int process) {
  return status_line(process, "VmHWM");
}

} // namespace machine
