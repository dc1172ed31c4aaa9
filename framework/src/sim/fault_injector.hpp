#pragma once

#include "simulator.hpp"

#include <vector>

namespace atl::sim {

/// Injects the timed faults of a run, one after the other, until it is stopped.
class fault_injector {
 public:
  explicit fault_injector(simulator& sim);
  void stop() { stopped_ = true; }

 private:
  struct kind {
    void (fault_injector::*act)();
    injection_point point;
  };

  void add(bool on, fault_kind what, void (fault_injector::*act)());
  void schedule_next(std::size_t index);
  void act(std::size_t index);
  void crash(spi::replica_id id);
  void damage_while_down(spi::replica_id id);
  spi::replica_id draw_replica();
  void emit_links(std::string what);

  simulator& simulator_;
  std::vector<kind> kinds_;
  spi::random_source random_{0}; ///< draws the details of the present fault
  bool stopped_ = false;

  void crash_one();
  void crash_all_replicas();
  void partition();
  void clog();
  void pause();
  void jump();
  void transfer();
  void wipe();
  void lose_state();
};

} // namespace atl::sim
