#include "session_table.hpp"

#include "member_table.hpp"
#include "write_buffer.hpp"

#include <atoll/core/proposal_clock.hpp>
#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/group_members.hpp>

#include <fmt/format.h>

#include <utility>

namespace atl {

namespace {

/// Why the command can't be the next command of an unknown session.
std::optional<error> check_first_command(const session_command& command) {
  if (command.sequence == 0)
    return error{errc::invalid, fmt::format("session {} numbers its commands from 0: they begin "
                                            "with 1",
                                            to_string(command.session))};
  if (command.sequence > 1)
    return session_expired(
        fmt::format("session {} is unknown at its command {}, so nothing was done now, and "
                    "whether it was done before isn't known any more; open another session",
                    to_string(command.session), command.sequence));
  return std::nullopt;
}

} // namespace

std::string session_table::apply(std::string_view bytes, service_logic& logic,
                                 std::uint64_t expiry_us) {
  auto command = decode_session_command(bytes);
  if (!command)
    return encode_answer(command.error());
  advance_time(command->time_us);
  auto session = find(command->session);
  if (!session) {
    if (auto why = check_first_command(*command))
      return encode_answer(*why);
    if (expiry_us > 0)
      expire(expiry_us, expired_by_new_session_max);
    session = open(command->session);
  } else if (command->sequence == session->last_sequence) {
    return std::move(session->answer);
  } else if (command->sequence < session->last_sequence) {
    return encode_answer(
        error{errc::refused,
              fmt::format("command {} of session {} is stale: command {} was answered "
                          "already",
                          command->sequence, to_string(command->session), session->last_sequence)});
  }
  session->answer = run(*command, logic);
  session->last_sequence = command->sequence;
  session->last_us = meta().latest_us;
  state_.parts_.buffer.put(state_keys::session(command->session), encode(*session));
  return std::move(session->answer);
}

std::string session_table::run(const session_command& command, service_logic& logic) {
  state_.active_ = &command.session;
  auto answer = command.command.type >= framework_types_begin
                    ? member_table{state_}.apply(command.command)
                    : logic.apply(state_, command.command);
  state_.active_ = nullptr;
  if (answer.size() > service_answer_bytes_max)
    return encode_answer(error{
        errc::internal,
        fmt::format("the command took effect, but its answer of {} bytes is above the limit of {}",
                    answer.size(), service_answer_bytes_max)});
  return answer;
}

/// A stamp far ahead doesn't count, rather than count in part: it says nothing about the time.
void session_table::advance_time(std::uint64_t stamp_us) {
  auto& latest_us = meta().latest_us;
  auto step_max = static_cast<std::uint64_t>(proposal_clock::step_max.count());
  if (stamp_us > latest_us && (latest_us == 0 || stamp_us - latest_us <= step_max))
    latest_us = stamp_us;
}

std::optional<session_record> session_table::find(const session_id& id) {
  std::string bytes;
  if (state_.failure() || !state_.get_row(state_keys::session(id), bytes))
    return std::nullopt;
  session_record record;
  if (!decode(bytes, record)) {
    state_.fail_damaged("a session's record");
    return std::nullopt;
  }
  return record;
}

session_record session_table::open(const session_id& id) {
  ++meta().sessions;
  state_.parts_.buffer.put(state_keys::idle_check(meta().latest_us, id), {});
  return {};
}

std::uint32_t session_table::expire(std::uint64_t idle_us, std::uint32_t limit) {
  auto now_us = meta().latest_us;
  if (idle_us == 0 || now_us <= idle_us)
    return 0;
  auto& buffer = state_.parts_.buffer;
  auto prefix = state_keys::all_idle_checks();
  std::uint32_t expired = 0;
  for (const auto& [key, _] : state_.first_rows_of(prefix, prefix, limit)) {
    auto check = state_keys::idle_check_in(key);
    if (check && now_us - check->time_us <= idle_us)
      break;
    auto is_active = check && state_.active_ && check->session == *state_.active_;
    auto session = check ? find(check->session) : std::nullopt;
    if (!session) {
      state_.fail_damaged("a session whose idleness is watched");
      return expired;
    }
    auto used_us = is_active ? now_us : session->last_us;
    buffer.erase(key);
    if (now_us - used_us > idle_us) {
      buffer.erase(state_keys::session(check->session));
      --meta().sessions;
      ++expired;
    } else {
      // The session was used after this check was written: its new expiry is checked next.
      buffer.put(state_keys::idle_check(used_us, check->session), {});
    }
  }
  return expired;
}

} // namespace atl
