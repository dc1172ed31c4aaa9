#pragma once

#include <atoll/net/handshake.hpp>

namespace dfs {

/// The identity with the plane and the protocol version of the bulk port.
atl::net::identity on_bulk_plane(atl::net::identity self);

} // namespace dfs
