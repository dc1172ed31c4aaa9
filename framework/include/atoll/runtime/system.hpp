#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/node_info.hpp>

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <memory>
#include <vector>

namespace atl::runtime {

class port_guard;

/// The CAF actor system of a process. Systems of another wire version or another release series of
/// CAF are refused during CAF's handshake.
class system {
 public:
  /// @param threads of the scheduler; the I/O thread and the threads that write to disks come on
  /// top.
  system(const connection_settings& links, std::size_t threads);
  system(const system&) = delete;
  system& operator=(const system&) = delete;
  ~system();

  caf::actor_system& operator*() { return *actors_; }
  caf::actor_system* operator->() { return actors_.get(); }

  /// Makes `who` reachable at `where`. @returns an error that names the address when it is in use.
  status publish(const caf::actor& who, const endpoint& where);

 private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> actors_;
  std::vector<std::unique_ptr<port_guard>> guards_; ///< of the ports on which actors are published
};

} // namespace atl::runtime
