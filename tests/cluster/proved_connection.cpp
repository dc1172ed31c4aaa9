#include "proved_connection.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/spi/codec.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <unistd.h>
#include <utility>

namespace net = atl::net;

net::identity client_identity(net::plane plane) {
  net::identity self;
  self.wire = {1, std::numeric_limits<std::uint32_t>::max()};
  self.plane = plane;
  self.cluster = "test";
  self.name = "a test";
  self.role = atl::runtime::client_role;
  return self;
}

tl::expected<raw_connection, net::dial_failure>
dial_port(std::uint16_t port, const net::identity& self, const net::cluster_secret& secret) {
  auto context = std::make_shared<boost::asio::io_context>();
  std::optional<tl::expected<net::dialed, net::dial_failure>> outcome;
  net::dial(context, {{"127.0.0.1", port}, self, secret, raw_connection::timeout},
            [&](auto dialed) {
              outcome.emplace(std::move(dialed));
              context->stop();
            });
  context->run();
  REQUIRE(outcome.has_value());
  if (!*outcome)
    return tl::unexpected{outcome->error()};
  return raw_connection::adopt(::dup((*outcome)->socket.native_handle()));
}

raw_connection prove_to(std::uint16_t port, const net::identity& self,
                        const net::cluster_secret& secret) {
  auto dialed = dial_port(port, self, secret);
  REQUIRE_MESSAGE(dialed.has_value(), dialed.error().problem.message);
  return std::move(*dialed);
}

std::string control_frame(std::string_view bytes) {
  atl::spi::writer out;
  out.put(static_cast<std::uint32_t>(bytes.size())).put(atl::crc32c(bytes));
  return out.take() + std::string{bytes};
}

std::string encode_envelope(std::uint8_t use, std::uint64_t id,
                            const atl::runtime::envelope& message) {
  atl::spi::writer out;
  out.put(use).put(id).put(message.kind).put(message.digest);
  out.put(static_cast<std::uint8_t>(message.role.size()));
  return out.take() + message.role + message.body;
}

std::optional<received_envelope> receive_envelope(raw_connection& from) {
  auto header = from.receive(8);
  if (header.size() < 8)
    return std::nullopt;
  atl::spi::reader sizes{header};
  auto bytes = from.receive(sizes.get<std::uint32_t>());
  atl::spi::reader in{bytes};
  in.get<std::uint8_t>();
  received_envelope received;
  received.id = in.get<std::uint64_t>();
  auto& message = received.message;
  message.kind = static_cast<atl::runtime::message_kind>(in.get<std::uint16_t>());
  message.digest = in.get<std::uint64_t>();
  std::size_t role_bytes = in.get<std::uint8_t>();
  auto rest = in.rest();
  if (!in.ok() || role_bytes > rest.size())
    return std::nullopt;
  message.role = rest.substr(0, role_bytes);
  message.body = rest.substr(role_bytes);
  return received;
}
