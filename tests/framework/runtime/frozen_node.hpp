#pragma once

#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/system.hpp>

#include <future>
#include <utility>

namespace atl::runtime::testing {

/// Stops a node's I/O thread, as SIGSTOP stops a process: its kernel goes on accepting.
class freezer : public io_thread_actor {
 public:
  freezer(caf::actor_config& config, std::promise<void>* frozen, std::shared_future<void> thaw)
      : io_thread_actor{config}, frozen_{frozen}, thaw_{std::move(thaw)} {}
  caf::behavior make_behavior() override {
    frozen_->set_value();
    thaw_.wait();
    return {};
  }

 private:
  std::promise<void>* frozen_;
  std::shared_future<void> thaw_;
};

class frozen_while_alive {
 public:
  explicit frozen_while_alive(runtime::system& node) {
    std::promise<void> frozen;
    spawn_on_io_thread<freezer>(*node, &frozen, thaw_.get_future().share());
    frozen.get_future().wait();
  }
  ~frozen_while_alive() { thaw_.set_value(); }

 private:
  std::promise<void> thaw_;
};

} // namespace atl::runtime::testing
