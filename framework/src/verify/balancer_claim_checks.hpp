#pragma once

#include "tested_balancer.hpp"

namespace atl::verify {

/// Holds a balancer to each of its claims.
void check_claims(const tested_balancer& it, recorder& out);

/// The same with one seed, without the checks that take long: for many samples of options.
properties::finding breaks_a_claim(const tested_balancer& it, std::uint64_t seed);

} // namespace atl::verify
