#pragma once

#include <chrono>
#include <cstdint>

/// What HAProxy and the dispatcher are both told, so that only their ways of balancing differ.
namespace proxy_limits {

/// Requests at one server at once.
inline constexpr std::uint32_t server_requests_max = 128;
/// Of a request without protection.
inline constexpr std::chrono::seconds deadline{50};

// With retries: twenty times what a request takes on average.
inline constexpr std::chrono::milliseconds attempt_timeout{100};
inline constexpr std::uint32_t retries = 3;
/// After so many failures in a row a server gets no requests for a while.
inline constexpr std::uint32_t failures_until_down = 5;

} // namespace proxy_limits
