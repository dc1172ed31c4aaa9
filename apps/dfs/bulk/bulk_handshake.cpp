#include "bulk/bulk_handshake.hpp"

#include "bulk/bulk_protocol.hpp"

namespace dfs {

atl::net::identity on_bulk_plane(atl::net::identity self) {
  self.plane = atl::net::plane::bulk;
  self.wire = {wire::version, wire::version};
  return self;
}

} // namespace dfs
