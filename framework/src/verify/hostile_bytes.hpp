#pragma once

#include "protocol_under_test.hpp"
#include "recorder.hpp"

namespace atl::verify {

/// Checks how a protocol handles malformed bytes from the network and on the disk.
void try_hostile_bytes(const protocol_under_test& what, recorder& out);

} // namespace atl::verify
