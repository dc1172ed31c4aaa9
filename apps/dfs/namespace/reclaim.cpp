#include "namespace/reclaim.hpp"

#include "namespace/content.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/trash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::fail;

namespace {

/// The work that one command may still do.
struct budget {
  std::uint32_t left = 0;

  void spend(std::uint32_t work) { left -= std::min(left, work); }
};

void enqueue(state_transaction& state, inode_id id) {
  state.put(keys::orphan(id), encode_bytes({}));
  ++state.meta().orphans;
}

void dequeue(state_transaction& state, inode_id id) {
  state.erase(keys::orphan(id));
  --state.meta().orphans;
}

/// Removes an inode's row, and the attributes beside it. Its content is gone already.
void forget(state_transaction& state, inode_id id, const inode& gone) {
  state.erase(keys::inode(id));
  if (gone.xattr_bytes > 0)
    for (const auto& row :
         state.first_rows(keys::xattrs_of(id), keys::xattrs_of(id), limits::xattrs_max))
      state.erase(row.first);
  auto& meta = state.meta();
  switch (gone.type) {
  case inode_type::file:
    --meta.files;
    meta.bytes -= gone.size_bytes;
    break;
  case inode_type::directory:
    --meta.directories;
    break;
  default:
    --meta.others;
  }
}

/// @returns the number of reclaimed inodes and extents; 0: the inode was queued.
std::uint32_t reclaim_or_queue(state_transaction& state, inode_id id, const inode& gone) {
  if (gone.entries > 0 || gone.extents > limits::reclaim_at_once_extents_max) {
    enqueue(state, id);
    return 0;
  }
  if (gone.extents > 0) {
    auto from = keys::extents_of(id);
    drop_extents(state, id, from, gone.extents);
  }
  forget(state, id, gone);
  return 1 + gone.extents;
}

/// The queue's value is the key to go on from: the rows before it are erased, but the database
/// walks over erased rows until it has compacted them.
std::string resume_point(state_transaction& state, std::string_view value, std::string prefix) {
  std::string from;
  if (!decode_bytes(value, from))
    state.fail_damaged("the queue of what is to be reclaimed");
  return from.empty() ? std::move(prefix) : from;
}

void reclaim_file(state_transaction& state, inode_id id, const inode& file, std::string from,
                  budget& budget) {
  auto wanted = budget.left;
  auto dropped = drop_extents(state, id, from, wanted);
  budget.spend(dropped);
  if (dropped == wanted) { // more may remain
    state.put(keys::orphan(id), encode_bytes(from));
    return;
  }
  forget(state, id, file);
  dequeue(state, id);
  budget.spend(1);
}

void reclaim_directory(state_transaction& state, inode_id id, std::string from, budget& budget) {
  // A child costs as much as it has extents, so only a part of the children is fetched at a time.
  auto wanted = std::min<std::size_t>(budget.left, 64);
  auto rows = state.first_rows(keys::entries_of(id), from, wanted);
  std::size_t done = 0;
  for (; done < rows.size() && budget.left > 0; ++done) {
    const auto& [key, bytes] = rows[done];
    dirent child;
    if (!decode(bytes, child)) {
      state.fail_damaged(fmt::format("an entry of inode {}", id));
      return;
    }
    budget.spend(std::max(1u, drop_name(state, child, {})));
    state.erase(key);
    from = key + '\0';
  }
  auto emptied = done == rows.size() && done < wanted;
  if (!emptied || budget.left == 0) {
    state.put(keys::orphan(id), encode_bytes(from));
    return;
  }
  auto gone = state.must_inode(id);
  forget(state, id, gone);
  dequeue(state, id);
  budget.spend(1);
}

std::uint64_t inodes_in(state_transaction& state) {
  return state.meta().files + state.meta().directories + state.meta().others;
}

/// Releases what ended mounts kept.
void reclaim_held(state_transaction& state, budget& budget) {
  std::vector<mount_id> ended;
  state.scan(keys::all_mounts(), keys::all_mounts(),
             [&](std::string_view key, std::string_view value) {
               mount_record mount;
               auto id = keys::id_in(key);
               if (!id || !decode(value, mount))
                 state.fail_damaged("a mount's record");
               else if (mount.ended)
                 ended.push_back(*id);
               return !state.failure();
             });
  for (auto mount : ended) {
    while (budget.left > 0 && !state.failure()) {
      auto first = state.first_rows(keys::all_held_by(mount), keys::all_held_by(mount), 1);
      if (first.empty())
        break;
      auto inode = keys::held_in(first.front().first);
      if (!inode || !release_held(state, mount, *inode)) {
        state.fail_damaged("the list of what a mount keeps");
        return;
      }
      budget.spend(1);
    }
    if (budget.left == 0 || state.failure())
      return;
    state.erase(keys::mount(mount));
    --state.meta().ended_mounts;
  }
}

/// Reclaims an inode that nothing needs any longer.
/// @returns the number of rows that this took, about; 0: the inode was queued
std::uint32_t reclaim_unless_needed(state_transaction& state, inode_id id, const inode& of) {
  auto is_needed = of.links > 0 || of.holders > 0 || of.trash_expires_us > 0;
  auto work = is_needed ? 0 : reclaim_or_queue(state, id, of);
  if (work == 0)
    state.put_inode(id, of);
  return is_needed ? 1 : work;
}

/// Discards what has expired in the trash, and what is to expire next until `bytes` are gone.
/// @returns the number of discarded entries
std::uint32_t empty_trash(state_transaction& state, std::uint64_t bytes, budget& budget) {
  auto& meta = state.meta();
  std::uint32_t done = 0;
  while (budget.left > 0 && meta.trash_entries > 0 && !state.failure()) {
    auto first = state.first_rows(keys::all_trash(), keys::trash(meta.trash_expired_us, 0), 1);
    auto at = first.empty() ? std::nullopt : keys::trash_in(first.front().first);
    if (!at) {
      state.fail_damaged("the list of what is in the trash");
      break;
    }
    if (at->expires_us > state.time_us()) {
      meta.trash_expired_us = state.time_us();
      if (bytes == 0)
        break;
    }
    auto kept = state.must_inode(at->inode);
    auto gone = discard(state, at->inode, kept);
    bytes -= std::min(bytes, gone.bytes);
    budget.spend(1 + std::min(kept.extents, limits::reclaim_at_once_extents_max));
    ++done;
  }
  return done;
}

/// Takes away a name of the inode. The mounts keep an inode that has no other.
void take_name(state_transaction& state, inode_id id, inode& of,
               const std::vector<mount_id>& keep_for) {
  of.links = of.type == inode_type::directory ? 0 : of.links - std::min(of.links, 1u);
  of.ctime_ns = state.time_ns();
  of.version = state.index();
  if (of.links > 0 || of.entries > 0)
    return;
  for (auto mount : keep_for)
    if (auto key = keys::held_by(mount, id); !state.has(key)) {
      state.put(key, encode_mark());
      ++of.holders;
    }
}

} // namespace

std::uint32_t drop_name(state_transaction& state, const dirent& gone,
                        const std::vector<mount_id>& keep_for) {
  auto inode = state.must_inode(gone.id);
  take_name(state, gone.id, inode, keep_for);
  return reclaim_unless_needed(state, gone.id, inode);
}

void remove_name(state_transaction& state, const dirent& gone, inode_id parent, const place& where,
                 const std::vector<mount_id>& keep_for) {
  auto inode = state.must_inode(gone.id);
  take_name(state, gone.id, inode, keep_for);
  if (inode.links == 0)
    if (auto kept_us = trash_time_us(state, parent); kept_us > 0)
      put_into_trash(state, gone.id, inode, where, kept_us);
  reclaim_unless_needed(state, gone.id, inode);
}

trash_record discard(state_transaction& state, inode_id id, inode& kept) {
  auto record = take_from_trash(state, id, kept);
  reclaim_unless_needed(state, id, kept);
  return record;
}

atl::status check_mounts(state_transaction& state, const std::vector<mount_id>& mounts) {
  if (mounts.size() > limits::keep_for_max)
    return fail(errc::invalid, fmt::format("{} mounts are too many for one command, at most {} are "
                                           "possible",
                                           mounts.size(), limits::keep_for_max));
  for (auto mount : mounts)
    if (auto known = state.find_mount(mount); !known || known->ended)
      return fail(errc::refused, fmt::format("mount {} doesn't exist (any more)", mount));
  return {};
}

bool release_held(state_transaction& state, mount_id mount, inode_id id) {
  auto key = keys::held_by(mount, id);
  if (!state.has(key))
    return false;
  state.erase(key);
  auto inode = state.must_inode(id);
  inode.holders -= std::min(inode.holders, 1u);
  reclaim_unless_needed(state, id, inode);
  return true;
}

reclaimed reclaim(state_transaction& state, std::uint32_t limit, std::uint64_t discarded_bytes) {
  budget budget{limit};
  reclaimed done;
  auto before = inodes_in(state);
  done.discarded_entries = empty_trash(state, discarded_bytes, budget);
  if (state.meta().ended_mounts > 0)
    reclaim_held(state, budget);
  auto prefix = keys::all_orphans();
  while (budget.left > 0 && !state.failure()) {
    auto first = state.first_rows(prefix, prefix, 1);
    if (first.empty())
      break;
    const auto& [key, value] = first.front();
    auto id = keys::inode_in(key);
    if (!id) {
      state.fail_damaged("the queue of what is to be reclaimed");
      break;
    }
    auto gone = state.must_inode(*id);
    if (gone.type == inode_type::directory)
      reclaim_directory(state, *id, resume_point(state, value, keys::entries_of(*id)), budget);
    else
      reclaim_file(state, *id, gone, resume_point(state, value, keys::extents_of(*id)), budget);
  }
  budget.spend(count_trash(state, budget.left));
  done.inodes = static_cast<std::uint32_t>(before - inodes_in(state));
  return done;
}

} // namespace dfs::state
