#pragma once

#include "protocol_subject.hpp"
#include "recorder.hpp"

namespace atl::verify {

/// Takes the protocol through all scenarios, and tells how to see again what broke.
void try_scenarios(const protocol_subject& what, recorder& out);

} // namespace atl::verify
