#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/reclaim.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;

result<changed> run(state_transaction& state, const commands::configure& command) {
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't change setting {}: {}", in_quotes(command.key), why));
  };
  if (command.key.empty() || command.key.size() > limits::setting_key_bytes_max)
    return refuse(errc::invalid,
                  fmt::format("a setting's name has 1 to {} bytes", limits::setting_key_bytes_max));
  if (command.value.size() > limits::setting_value_bytes_max)
    return refuse(errc::invalid,
                  fmt::format("its value has {} bytes, at most {} are possible",
                              command.value.size(), limits::setting_value_bytes_max));
  auto present = state.find_setting(command.key);
  auto version = present ? present->version : 0;
  if (command.expected_version && *command.expected_version != version)
    return refuse(errc::refused, fmt::format("it has changed: it is at version {}, not {}", version,
                                             *command.expected_version));
  auto& count = state.meta().settings;
  if (command.value.empty()) {
    if (present) {
      state.erase(keys::setting(command.key));
      --count;
    }
  } else {
    if (!present && count >= limits::settings_max)
      return refuse(errc::refused, fmt::format("there are {} settings already, the most that are "
                                               "possible",
                                               count));
    state.put(keys::setting(command.key), encode(setting_record{state.index(), command.value}));
    count += !present;
  }
  return changed{0, state.index(), state.time_ns()};
}

result<responses::mounted> run(state_transaction& state, const commands::begin_mount& command) {
  if (command.name.size() > limits::mount_name_bytes_max)
    return fail(errc::invalid, fmt::format("a mount's name has {} bytes, at most {} are possible",
                                           command.name.size(), limits::mount_name_bytes_max));
  auto& meta = state.meta();
  if (meta.live_mounts >= limits::mounts_max || meta.mounts == UINT32_MAX)
    return fail(errc::refused,
                fmt::format("there are {} mounts, the most that are possible", meta.live_mounts));
  auto id = ++meta.mounts;
  ++meta.live_mounts;
  state.put(keys::mount(id), encode(mount_record{command.name, state.time_us(), false}));
  return responses::mounted{id};
}

result<changed> run(state_transaction& state, const commands::end_mount& command) {
  if (auto mount = state.find_mount(command.mount); mount && !mount->ended) {
    mount->ended = true;
    state.put(keys::mount(command.mount), encode(*mount));
    --state.meta().live_mounts;
    ++state.meta().ended_mounts; // `collect_garbage` releases what the mount held
  }
  return changed{0, state.index(), state.time_ns()};
}

result<changed> run(state_transaction& state, const commands::release& command) {
  if (command.inodes.size() > limits::releases_max)
    return fail(errc::invalid, fmt::format("{} inodes are too many for one command, at most {} are "
                                           "possible",
                                           command.inodes.size(), limits::releases_max));
  for (auto inode : command.inodes)
    release_held(state, command.mount, inode);
  return changed{0, state.index(), state.time_ns()};
}

result<responses::garbage_collected> run(state_transaction& state,
                                         const commands::collect_garbage& command) {
  auto& meta = state.meta();
  if (command.gc_watermark_us > state.time_us())
    return fail(
        errc::invalid,
        fmt::format(
            "the garbage collection watermark can't be {} us past the present: no file could "
            "be put until then",
            command.gc_watermark_us - state.time_us()));
  meta.gc_watermark_us = std::max(meta.gc_watermark_us, command.gc_watermark_us);
  auto limit = std::min(command.reclaimed_inodes_max, limits::reclaim_limit_max);
  responses::garbage_collected answer;
  auto done = reclaim(state, limit, command.discarded_trash_bytes);
  answer.reclaimed_inodes = done.inodes;
  answer.discarded_entries = done.discarded_entries;
  answer.expired_sessions = state.expire_sessions(command.session_expiry_us, limit);
  answer.gc_watermark_us = meta.gc_watermark_us;
  answer.pending_removals = meta.orphans + meta.ended_mounts + meta.trash_uncounted;
  return answer;
}

} // namespace dfs::state
