#include "namespace/trash.hpp"

#include "namespace/directories.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

namespace {

/// Entries of a directory that are read at a time. After a directory among them they are read
/// again.
constexpr std::size_t entries_at_a_time = 16;

/// Bytes that a file counts for one of its names.
std::uint64_t bytes_for_name(const inode& file) {
  return file.type == inode_type::file ? file.size_bytes / std::max(file.links, 1u) : 0;
}

/// Counts entries of the last directory of the walk. @returns their number, 0 if none was left
std::uint32_t count_step(state_transaction& state, trash_walk& walk, trash_record& record,
                         std::size_t limit) {
  auto& step = walk.steps.back();
  auto from = keys::entry(step.directory, step.after);
  if (!step.after.empty())
    from.push_back('\0');
  auto rows = state.first_rows(keys::entries_of(step.directory), from, limit);
  std::uint32_t counted = 0;
  for (const auto& [key, bytes] : rows) {
    dirent child;
    if (!decode(bytes, child)) {
      state.fail_damaged(fmt::format("an entry of inode {}", step.directory));
      break;
    }
    ++counted;
    ++record.inodes;
    step.after = keys::name_in(key);
    if (child.type != inode_type::directory) {
      record.bytes += bytes_for_name(state.must_inode(child.id));
    } else if (walk.steps.size() < limits::trash_walk_steps_max) {
      walk.steps.push_back({child.id, {}}); // `step` may be gone now
      return counted;
    }
  }
  if (rows.size() < limit)
    walk.steps.pop_back();
  return counted;
}

/// Goes on with one directory of the trash. @returns the number of inodes that were looked at
std::uint32_t count_entry(state_transaction& state, inode_id id, trash_walk walk,
                          std::uint32_t limit) {
  auto kept = state.must_inode(id);
  auto record = must_trash_record(state, id, kept);
  auto bytes_before = record.bytes;
  std::uint32_t done = 0;
  while (done < limit && !walk.steps.empty() && !state.failure())
    done +=
        1 + count_step(state, walk, record, std::min<std::size_t>(entries_at_a_time, limit - done));
  if (state.failure())
    return done;
  state.meta().trash_bytes += record.bytes - bytes_before;
  record.is_counted = walk.steps.empty();
  if (record.is_counted) {
    state.erase(keys::trash_walk(id));
    --state.meta().trash_uncounted;
  } else {
    state.put(keys::trash_walk(id), encode(walk));
  }
  state.put(keys::trash(kept.trash_expires_us, id), encode(record));
  return done;
}

} // namespace

trash_record must_trash_record(state_transaction& state, inode_id id, const inode& kept) {
  auto found = state.find_trash(kept.trash_expires_us, id);
  if (!found)
    state.fail_damaged(fmt::format("the trash's record of inode {}", id));
  return found.value_or(trash_record{});
}

std::uint64_t trash_time_us(state_transaction& state, inode_id directory) {
  if (state.meta().trash_policies == 0)
    return 0;
  auto found = policy_in(state, directory);
  return found.id == no_policy ? 0 : state.find_policy(found.id).value_or(policy{}).trash_us;
}

void put_into_trash(state_transaction& state, inode_id id, inode& gone, const place& from,
                    std::uint64_t kept_us) {
  auto now_us = state.time_us();
  gone.trash_expires_us = now_us + std::min(kept_us, UINT64_MAX - now_us);
  trash_record record{now_us, from, bytes_for_name(gone), 1, gone.entries == 0};
  if (record.from.path.ends_with('/'))
    record.from.path.pop_back();
  auto& meta = state.meta();
  ++meta.trash_entries;
  meta.trash_bytes += record.bytes;
  if (!record.is_counted) {
    ++meta.trash_uncounted;
    state.put(keys::trash_walk(id), encode(trash_walk{{{id, {}}}}));
  }
  state.put(keys::trash(gone.trash_expires_us, id), encode(record));
}

trash_record take_from_trash(state_transaction& state, inode_id id, inode& kept) {
  auto record = must_trash_record(state, id, kept);
  state.erase(keys::trash(kept.trash_expires_us, id));
  kept.trash_expires_us = 0;
  auto& meta = state.meta();
  --meta.trash_entries;
  meta.trash_bytes -= record.bytes;
  if (!record.is_counted) {
    --meta.trash_uncounted;
    state.erase(keys::trash_walk(id));
  }
  return record;
}

std::uint32_t count_trash(state_transaction& state, std::uint32_t limit) {
  std::uint32_t done = 0;
  while (done < limit && state.meta().trash_uncounted > 0 && !state.failure()) {
    auto prefix = keys::all_trash_walks();
    auto first = state.first_rows(prefix, prefix, 1);
    trash_walk walk;
    auto id = first.empty() ? std::nullopt : keys::inode_in(first.front().first);
    if (!id || !decode(first.front().second, walk)) {
      state.fail_damaged("the list of what is to be counted in the trash");
      break;
    }
    done += count_entry(state, *id, std::move(walk), limit - done);
  }
  return done;
}

} // namespace dfs::state
