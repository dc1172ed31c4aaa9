#pragma once

#include "storage_world.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace atl::sim {

/// Injects the faults that come from time to time.
class storage_fault_injector {
 public:
  explicit storage_fault_injector(storage_world& world);
  void stop() { stopped_ = true; }

 private:
  using act = void (storage_fault_injector::*)();
  struct kind {
    act inject;
    injection_point point;
  };

  void add(bool storage_fault_set::*flag, fault_kind what, act inject);
  void schedule_next(std::size_t index);
  void inject(std::size_t index);

  void crash_node();
  void flap();
  void lose_zone();
  void kill_node();
  void wipe_node();
  void fail_disk();
  void rot();
  void fill_disk();
  void slow_disk();
  void change_leader();
  void drain();
  void change_policy();

  keep::node_id draw_node();
  void crash_for(keep::node_id node, std::int64_t away);
  /// Runs unless all faults have ended by then.
  void later(std::int64_t delay, std::function<void()> what);
  /// Would the loss of the node's disk leave each unit as many fragments as its scheme promises to
  /// do with?
  bool may_lose_disk_of(keep::node_id node);
  /// Are there nodes enough without one more?
  bool can_spare_a_node();

  storage_world& world_;
  std::vector<kind> kinds_;
  spi::random_source random_{0}; ///< for the fault that acts
  bool stopped_ = false;
};

} // namespace atl::sim
