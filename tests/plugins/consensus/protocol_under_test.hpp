#pragma once

#include "check_promises.hpp"

namespace under_test {

/// The protocol under test; each test program defines it.
const atl::spi::descriptor& protocol();

} // namespace under_test
