#pragma once

#include "engine.hpp"

#include <vector>

namespace atl::sim {

/// Makes the faults of the mix happen, one after the other, until it is stopped.
class chaos {
 public:
  explicit chaos(engine& world);
  void stop() { stopped_ = true; }

 private:
  void next();
  void act();
  void crash(spi::replica_id id);
  void while_down(spi::replica_id id);
  spi::replica_id anyone();

  engine& world_;
  std::vector<void (chaos::*)()> kinds_;
  bool stopped_ = false;

  void crash_one();
  void crash_everybody();
  void partition();
  void clog();
  void pause();
  void jump();
  void transfer();
};

} // namespace atl::sim
