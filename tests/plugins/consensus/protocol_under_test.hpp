#pragma once

#include "survive.hpp"

namespace under_test {

/// The protocol that a test program is about; each program defines it.
const atl::spi::descriptor& protocol();

} // namespace under_test
