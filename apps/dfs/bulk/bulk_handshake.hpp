#pragma once

#include "bulk/socket.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/net/handshake.hpp>

#include <chrono>

namespace dfs {

/// The identity with the plane and the protocol version of the bulk port.
atl::net::identity on_bulk_plane(atl::net::identity self);

/// Connects the socket to a node's bulk port, and carries out the handshake. Blocks until both are
/// done, at most for the timeout. Errors: unavailable, timeout, busy (the node has too many
/// connections); refused: the node refuses this process, with the node's reason, or is no node of
/// this cluster. After an error the socket is closed.
atl::status connect_to_node(tcp_socket& socket, const atl::endpoint& node,
                            const atl::net::identity& self, const atl::net::cluster_secret& secret,
                            std::chrono::milliseconds timeout);

} // namespace dfs
