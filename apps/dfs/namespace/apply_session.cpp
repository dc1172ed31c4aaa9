#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::error;

namespace {

std::string name_of(const session_id& id) {
  return fmt::format("{:016x}{:016x}", id.high, id.low);
}

/// Why the command can't be the next command of an unknown session.
std::optional<error> objection_to_first(const command& command) {
  if (command.sequence == 0)
    return error{errc::invalid, fmt::format("session {} numbers its commands from 0: they begin "
                                            "with 1",
                                            name_of(command.session))};
  if (command.sequence > 1)
    return error{
        errc::refused,
        fmt::format("{}: session {} is unknown at its command {}, so nothing was done now, "
                    "and whether it was done before isn't known any more; open another "
                    "session",
                    wire::session_expired, name_of(command.session), command.sequence)};
  return std::nullopt;
}

/// Opens a session that begins with this command.
session_record open_session(transaction& state, const session_id& id) {
  ++state.meta().sessions;
  state.put(keys::idle_check(state.meta().latest_us, id), {});
  return {};
}

} // namespace

std::string apply_command(transaction& state, std::string_view bytes) {
  auto command = decode_command(bytes);
  if (!command)
    return encode_response(command.error());
  auto& latest_us = state.meta().latest_us;
  latest_us = std::max(latest_us, command->time_us);

  auto session = state.find_session(command->session);
  if (!session) {
    if (auto why = objection_to_first(*command))
      return encode_response(*why);
    session = open_session(state, command->session);
  } else if (command->sequence == session->last_sequence) {
    return session->answer;
  } else if (command->sequence < session->last_sequence) {
    return encode_response(
        error{errc::refused,
              fmt::format("command {} of session {} is stale: command {} was answered "
                          "already",
                          command->sequence, name_of(command->session), session->last_sequence)});
  }
  session->last_sequence = command->sequence;
  session->last_us = latest_us;
  if (std::holds_alternative<commands::collect_garbage>(command->action))
    state.put_session(command->session, *session); // the command must find its session active

  session->answer = std::visit(
      [&](const auto& action) { return encode_response(run(state, action)); }, command->action);
  state.put_session(command->session, *session);
  return session->answer;
}

std::uint32_t expire_sessions(transaction& state, std::uint64_t expiry_us, std::uint32_t limit) {
  auto now_us = state.meta().latest_us;
  if (expiry_us == 0 || now_us <= expiry_us)
    return 0;
  auto prefix = keys::all_idle_checks();
  std::uint32_t expired = 0;
  for (const auto& [key, _] : state.first_rows(prefix, prefix, limit)) {
    auto check = keys::idle_check_in(key);
    auto session = check ? state.find_session(check->session) : std::nullopt;
    if (!session) {
      state.fail_damaged("a session whose idleness is watched");
      return expired;
    }
    if (now_us - check->time_us <= expiry_us)
      break;
    state.erase(key);
    if (now_us - session->last_us > expiry_us) {
      state.erase(keys::session(check->session));
      --state.meta().sessions;
      ++expired;
    } else {
      // The session was used after this check was written: its new expiry is checked next.
      state.put(keys::idle_check(session->last_us, check->session), {});
    }
  }
  return expired;
}

} // namespace dfs::state
