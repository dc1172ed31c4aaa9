#pragma once

#include <atoll/core/forwarding_consensus.hpp>

#include <memory>
#include <utility>

namespace under_test {

namespace spi = atl::spi;

/// A protocol with a mistake: a subclass changes the input or the effects of a correct protocol.
class mutant : public atl::forwarding_consensus {
 public:
  mutant(std::unique_ptr<spi::consensus> inner, const spi::consensus_setup& setup)
      : forwarding_consensus{std::move(inner)}, self_{setup.self} {}

 protected:
  /// Changes an effect that the correct protocol emitted.
  virtual void alter_effect(spi::effect&) {}
  spi::replica_id self() const { return self_; }

 private:
  void on_effect(spi::effect& it) final { alter_effect(it); }

  spi::replica_id self_;
};

} // namespace under_test
