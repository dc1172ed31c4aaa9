#pragma once

#include "namespace/command.hpp"

#include <atoll/core/error.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace dfs {

/// Commits the commands of an actor to the name space, one after the other, in a session of its
/// own. For the actor's thread.
class command_sender {
 public:
  /// Gets the response's bytes, or why there is none: then the command may still have taken effect.
  using reply = std::function<void(atl::result<std::string>)>;

  /// @param self outlives this object
  command_sender(caf::event_based_actor* self, caf::actor replica, std::uint64_t seed,
                 std::chrono::milliseconds timeout);

  bool is_busy() const { return is_busy_; }
  void send(action what, reply done);
  void stop() { replica_ = nullptr; }

 private:
  struct waiting {
    action what;
    reply done;
  };

  void send_next();
  void finish(const reply& done, atl::result<std::string> answer);

  caf::event_based_actor* self_;
  caf::actor replica_;
  std::chrono::milliseconds timeout_;
  atl::session_id session_;
  std::uint64_t sequence_ = 0;
  bool is_busy_ = false;
  std::deque<waiting> queue_;
};

} // namespace dfs
