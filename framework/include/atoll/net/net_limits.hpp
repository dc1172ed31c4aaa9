#pragma once

#include <chrono>
#include <cstddef>

/// Every limit of the network layer, in one place.
namespace atl::net {

/// The size of one message of a handshake. A connection whose peer is not proved yet is read no
/// further.
inline constexpr std::size_t handshake_message_bytes_max = 2048;
/// A name in a handshake, or the reason for a refusal.
inline constexpr std::size_t handshake_text_bytes_max = 400;
/// The whole handshake, from the connection on.
inline constexpr std::chrono::milliseconds handshake_timeout{2000};
/// Connections of a port whose peers are not proved yet. A further one closes the oldest of them:
/// a proof takes a round trip or two, and whoever holds connections without one loses them.
inline constexpr std::size_t unproved_connections_max = 256;
/// The pause of an address before the next address of the same host is tried as well (RFC 8305).
inline constexpr std::chrono::milliseconds next_address_delay{250};
/// Bytes read from one connection before other connections get their turn.
inline constexpr std::size_t read_turn_bytes = 128 << 10;
/// Bytes sent on one connection before other connections get their turn.
inline constexpr std::size_t write_turn_bytes = 128 << 10;
/// Bytes that one stream moves before other streams of its thread get their turn.
inline constexpr std::size_t stream_turn_bytes = 512 << 10;
/// Bytes that are read from a refused peer and thrown away. A connection that is closed with unread
/// bytes is reset, and a reset overtakes the reason for the refusal.
inline constexpr std::size_t refused_bytes_max = 16 << 10;

} // namespace atl::net
