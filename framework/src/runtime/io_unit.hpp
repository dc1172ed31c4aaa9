#pragma once

#include <atoll/net/io_thread.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>

#include <deque>
#include <mutex>

namespace atl::runtime {

/// Runs actors in the thread that serves the sockets.
class io_unit : public caf::execution_unit {
 public:
  explicit io_unit(net::io_thread& thread) : thread_{thread} {}
  ~io_unit() override;

  /// Before the first actor is spawned on the unit.
  void serve(caf::actor_system& actors) { system_ = &actors; }
  net::io_thread& thread() { return thread_; }

  /// Takes over a reference to the actor. Thread-safe.
  void exec_later(caf::resumable* job) override;

 private:
  void run_some();

  net::io_thread& thread_;
  std::mutex mutex_;
  std::deque<caf::resumable*> jobs_;
  bool is_scheduled_ = false;
};

/// The configuration of an actor system whose actors may run in an I/O thread.
class system_config : public caf::actor_system_config {
 public:
  explicit system_config(net::io_thread& thread) : unit{thread} {}
  io_unit unit;
};

} // namespace atl::runtime
