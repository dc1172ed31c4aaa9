#pragma once

#include "state_rows.hpp"

#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/session_command.hpp>
#include <atoll/core/state/transaction.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace atl {

/// Each new session ends at most so many idle ones: more than one, so that the table shrinks again
/// after a time of many clients.
inline constexpr std::uint32_t expired_by_new_session_max = 2;

/// Which commands were applied, by session: makes a command safe to repeat. The rows are part of
/// the state, so all replicas end a session at the same entry. For the applying thread.
class session_table {
 public:
  explicit session_table(transaction& state) : state_{state} {}

  /// Applies an entry's command, unless it was applied before.
  /// @returns the answer; an error's answer for malformed bytes
  std::string apply(std::string_view bytes, service_logic& logic, std::uint64_t expiry_us);

  /// See `transaction::expire_sessions`.
  std::uint32_t expire(std::uint64_t idle_us, std::uint32_t limit);

 private:
  state_meta& meta() { return state_.parts_.meta; }
  void advance_time(std::uint64_t stamp_us);
  std::optional<session_record> find(const session_id& id);
  session_record open(const session_id& id);
  std::string run(const session_command& command, service_logic& logic);

  transaction& state_;
};

} // namespace atl
