#pragma once

#include <atoll/net/gatekeeper.hpp>

#include <array>
#include <atomic>
#include <cstdint>

namespace atl::net {

/// `gatekeeper_counters` that one thread counts and others read.
struct atomic_counters {
  std::atomic<std::uint64_t> admitted{0};
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(refusal_last) + 1> refused{};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> displaced{0};
  std::atomic<std::uint64_t> hung_up{0};

  gatekeeper_counters read() const {
    gatekeeper_counters out;
    out.admitted = admitted;
    for (std::size_t i = 0; i < out.refused.size(); ++i)
      out.refused[i] = refused[i];
    out.timed_out = timed_out;
    out.displaced = displaced;
    out.hung_up = hung_up;
    return out;
  }
};

} // namespace atl::net
