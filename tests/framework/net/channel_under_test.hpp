#pragma once

#include "event_loop.hpp"
#include "raw_peer.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/net/channel.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

namespace channel_under_test {

using atl::net::channel;
using boost::asio::ip::tcp;

inline constexpr std::size_t header_bytes = 8;

inline std::string frame_of(std::string_view message) {
  auto size = static_cast<std::uint32_t>(message.size());
  auto crc = atl::crc32c(message);
  std::string out;
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  out.append(message);
  return out;
}

struct connected {
  tcp::socket ours;
  raw_peer theirs;
};

inline connected connect(event_loop& loop) {
  raw_listener port;
  auto theirs = raw_peer::connect_to(port.port());
  tcp::socket ours{*loop.context()};
  auto accepted = port.accept();
  ours.assign(tcp::v4(), accepted.release());
  return {std::move(ours), std::move(theirs)};
}

/// A channel, what came out of it, and its peer.
struct endpoint_under_test {
  explicit endpoint_under_test(event_loop& loop, channel::settings limits = {})
      : endpoint_under_test{connect(loop), limits} {}
  endpoint_under_test(connected ends, channel::settings limits) : peer{std::move(ends.theirs)} {
    channel::handlers then;
    then.on_message = [this](std::string_view message) { messages.emplace_back(message); };
    then.on_closed = [this](const atl::error& why) {
      REQUIRE_FALSE(closed);
      closed = why;
    };
    tested = channel::open(std::move(ends.ours), limits, std::move(then));
  }
  endpoint_under_test(const endpoint_under_test&) = delete;
  endpoint_under_test& operator=(const endpoint_under_test&) = delete;
  ~endpoint_under_test() { tested->close(); }

  raw_peer peer;
  std::shared_ptr<channel> tested;
  std::vector<std::string> messages;
  std::optional<atl::error> closed;
};

} // namespace channel_under_test
