#pragma once

#include "recorder.hpp"
#include "tested_protocol.hpp"

namespace atl::verify {

/// Checks how a protocol handles malformed bytes from the network and on the disk.
void try_hostile_bytes(const tested_protocol& protocol, recorder& out);

} // namespace atl::verify
