#include "reference_run.hpp"

#include "recorder.hpp"

#include <atoll/core/child_process.hpp>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace atl::verify {

namespace {

constexpr std::uint64_t seeds = 4;

std::uint64_t hash_of_runs(const tested_protocol& protocol) {
  std::uint64_t hash = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto options = protocol.simulation(seed, 3);
    options.duration = std::chrono::seconds{5};
    hash = hash * 31 + simulate(options, protocol.factory).hash;
  }
  return hash;
}

/// Blocks of all small sizes. While they are held, further blocks of these sizes get other
/// addresses.
std::vector<std::unique_ptr<char[]>> fill_gaps() {
  std::vector<std::unique_ptr<char[]>> out;
  for (std::size_t bytes = 16; bytes <= 4096; bytes += 16)
    for (int i = 0; i < 20; ++i)
      out.push_back(std::make_unique<char[]>(bytes));
  return out;
}

} // namespace

reference_run run_in_another_process(const tested_protocol& protocol, bool other_addresses) {
  auto child = child_process::start([&](int to) {
    auto held = other_addresses ? fill_gaps() : std::vector<std::unique_ptr<char[]>>{};
    return write_all(to, fmt::format("{}", hash_of_runs(protocol))) ? 0 : 1;
  });
  if (!child)
    throw broken(child.error().message);
  std::string text;
  for (;;) {
    auto more = child->read_some(std::chrono::minutes{1});
    if (!more || more->empty())
      break;
    text += *more;
  }
  if (text.empty())
    throw broken("a process of its own ends, or hangs, in a run that this process gets through");
  return {std::stoull(text), std::chrono::steady_clock::now()};
}

} // namespace atl::verify
