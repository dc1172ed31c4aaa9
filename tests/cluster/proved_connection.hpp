#pragma once

#include "raw_connection.hpp"
#include "settings/settings.hpp"

#include <atoll/net/dialer.hpp>
#include <atoll/runtime/envelope.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A client of the test cluster as it introduces itself, with every wire version.
atl::net::identity client_identity(atl::net::plane plane);

/// Connects to a port of 127.0.0.1 and carries out the handshake.
tl::expected<raw_connection, atl::net::dial_failure>
dial_port(std::uint16_t port, const atl::net::identity& self,
          const atl::net::cluster_secret& secret);
/// The same; fails the test if the node refuses.
raw_connection prove_to(std::uint16_t port, const atl::net::identity& self,
                        const atl::net::cluster_secret& secret);

/// A frame of a control port: its size, its checksum, and its bytes.
std::string control_frame(std::string_view bytes);
/// An envelope as it travels in a frame.
/// @param use 0: nobody answers, 1: a request, 2: a response
std::string encode_envelope(std::uint8_t use, std::uint64_t id,
                            const atl::runtime::envelope& message);
/// The next envelope of a node. None if the node has closed the connection.
std::optional<atl::runtime::envelope> receive_envelope(raw_connection& from);
