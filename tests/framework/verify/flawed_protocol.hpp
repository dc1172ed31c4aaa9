#pragma once

#include "broken_protocols.hpp"
#include "plugins/consensus/mutant.hpp"

#include <memory>

namespace broken_protocols {

/// The base of a protocol with a mistake, which overrides the part that is wrong.
template <const atl::spi::descriptor& Correct>
class flawed_protocol : public under_test::mutant {
 public:
  explicit flawed_protocol(const atl::spi::consensus_setup& setup)
      : mutant{std::unique_ptr<atl::spi::consensus>{Correct.create.consensus(setup)}, setup} {}

  static const atl::spi::descriptor& correct() { return Correct; }
};

} // namespace broken_protocols
