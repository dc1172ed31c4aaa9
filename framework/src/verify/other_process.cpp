#include "other_process.hpp"

#include "recorder.hpp"

#include <atoll/core/child_process.hpp>

#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

namespace atl::verify {

namespace {

/// Allocates blocks of many sizes, so that later allocations get other addresses.
std::vector<std::unique_ptr<char[]>> displace_heap() {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (std::size_t size = 16; size <= 8192; size += 48)
    blocks.push_back(std::make_unique<char[]>(size));
  return blocks;
}

} // namespace

std::string in_other_process(const std::function<std::string()>& work) {
  auto child = child_process::start([&](int to) {
    auto blocks = displace_heap();
    return write_all(to, work()) ? 0 : 1;
  });
  if (!child)
    throw std::runtime_error(child.error().message);
  std::string text;
  for (;;) {
    auto bytes = child->read_some({});
    if (!bytes)
      throw std::runtime_error(bytes.error().message);
    if (bytes->empty())
      break;
    text += *bytes;
  }
  auto ended = child->wait();
  if (ended.signal != 0)
    throw broken(fmt::format("in a second process it crashes: {}", signal_name(ended.signal)));
  if (ended.code != 0)
    throw broken(fmt::format("in a second process it ends with exit code {}", ended.code));
  return text;
}

void wait_for_another_second(long began) {
  while (std::time(nullptr) == began)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
}

} // namespace atl::verify
