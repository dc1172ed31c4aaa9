#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/state/session_command.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace atl {

/// The sessions of one client of a service: commands that are under way at the same time have a
/// session each, and a session whose command was answered serves the next command. Thread-safe.
///
///     auto call = pool.begin(type, body);
///     auto answer = send(call.bytes());
///     if (pool.finish(call, answer) == session_pool::verdict::repeat)
///       answer = send(call.bytes());
class session_pool {
 public:
  class call {
   public:
    /// What to send, and to send again after a lost answer.
    std::string bytes() const;

   private:
    friend class session_pool;
    session_id session_;
    std::uint64_t sequence_ = 0;
    std::uint8_t type_ = 0;
    std::string body_;
  };

  enum class verdict {
    done,   ///< the answer is the command's
    repeat, ///< the session had expired and nothing was done: the call is to be sent once more
  };

  /// @param draw makes the id of a new session
  explicit session_pool(std::function<session_id()> draw = random_session)
      : draw_{std::move(draw)} {}

  call begin(std::uint8_t type, std::string body);

  /// Judges an answer. A session that expired while it was idle is replaced, once, if the command
  /// can't have taken effect under it. A session whose command is in doubt is not used again.
  verdict finish(call& of, const result<std::string>& answer);

 private:
  struct session {
    session_id id;
    std::uint64_t sequence = 0;
  };

  std::function<session_id()> draw_;
  std::mutex mutex_;
  std::vector<session> idle_;
};

} // namespace atl
