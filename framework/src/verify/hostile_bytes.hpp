#pragma once

#include "protocol_subject.hpp"
#include "recorder.hpp"

namespace atl::verify {

/// Checks how a protocol handles malformed bytes from the network and on the disk.
void try_hostile_bytes(const protocol_subject& what, recorder& out);

} // namespace atl::verify
