#pragma once

#include <atoll/core/forwarding_consensus.hpp>

#include <memory>
#include <utility>

namespace under_test {

namespace spi = atl::spi;

/// A protocol with a mistake: a subclass changes what goes into a correct one, or what comes out.
class mutant : public atl::forwarding_consensus {
 public:
  mutant(std::unique_ptr<spi::consensus> inner, const spi::consensus_setup& setup)
      : forwarding_consensus{std::move(inner)}, self_{setup.self} {}

 protected:
  /// Changes an effect that the correct protocol gave out.
  virtual void spoil(spi::effect&) {}
  spi::replica_id self() const { return self_; }

 private:
  void on_effect(spi::effect& it) final { spoil(it); }

  spi::replica_id self_;
};

} // namespace under_test
