#pragma once

#include "protocol_subject.hpp"
#include "recorder.hpp"

namespace atl::verify {

/// Bytes that no replica wrote, from the network and on the disk.
void try_hostile_bytes(const protocol_subject& what, recorder& out);

} // namespace atl::verify
