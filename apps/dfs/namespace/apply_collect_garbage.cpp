#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using responses::garbage_collected;

namespace {

/// The work that one command may still do.
struct budget {
  std::uint32_t left = 0;
  std::uint32_t inodes_gone = 0;

  void spend(std::uint32_t work) { left -= std::min(left, work); }
};

void enqueue(state_transaction& state, inode_id id) {
  state.put(keys::orphan(id), {});
  ++state.meta().orphans;
}

void dequeue(state_transaction& state, inode_id id) {
  state.erase(keys::orphan(id));
  --state.meta().orphans;
}

void forget_file(state_transaction& state, inode_id id, const inode& file) {
  state.erase(keys::inode(id));
  if (file.extents == 0)
    state.erase(keys::content(id));
  --state.meta().files;
  state.meta().bytes -= file.size_bytes;
}

void forget_directory(state_transaction& state, inode_id id) {
  state.erase(keys::inode(id));
  --state.meta().directories;
}

/// Removes up to `limit` extents from the key `from` on. @returns their number, and sets `from` to
/// the key after the last.
std::uint32_t drop_extents(state_transaction& state, inode_id id, std::string& from,
                           std::size_t limit) {
  auto rows = state.first_rows(keys::extents_of(id), from, limit);
  for (const auto& [key, value] : rows) {
    extent gone;
    if (!decode(value, gone)) {
      state.fail_damaged(fmt::format("an extent of inode {}", id));
      break;
    }
    drop_reference(state, gone.chunk);
    state.erase(key);
    from = key + '\0';
  }
  return static_cast<std::uint32_t>(rows.size());
}

/// The queue's value is the key to go on from: the rows before it are erased, but the database
/// walks over erased rows until it has compacted them.
std::string resume_point(std::string_view value, std::string prefix) {
  return value.empty() ? std::move(prefix) : std::string{value};
}

void reclaim_file(state_transaction& state, inode_id id, std::string_view value, budget& budget) {
  auto file = state.must_inode(id);
  auto from = resume_point(value, keys::extents_of(id));
  auto wanted = budget.left;
  auto dropped = drop_extents(state, id, from, wanted);
  budget.spend(dropped);
  if (dropped == wanted) { // more may remain
    state.put(keys::orphan(id), from);
    return;
  }
  forget_file(state, id, file);
  dequeue(state, id);
  budget.spend(1);
  ++budget.inodes_gone;
}

void reclaim_directory(state_transaction& state, inode_id id, std::string_view value,
                       budget& budget) {
  // A child costs as much as it has extents, so only a part of the children is fetched at a time.
  auto wanted = std::min<std::size_t>(budget.left, 64);
  auto prefix = keys::entries_of(id);
  auto from = resume_point(value, prefix);
  auto rows = state.first_rows(prefix, from, wanted);
  std::size_t done = 0;
  for (; done < rows.size() && budget.left > 0; ++done) {
    const auto& [key, bytes] = rows[done];
    dirent child;
    if (!decode(bytes, child)) {
      state.fail_damaged(fmt::format("an entry of inode {}", id));
      return;
    }
    auto work = reclaim_or_queue(state, child);
    budget.inodes_gone += work > 0;
    budget.spend(std::max(1u, work));
    state.erase(key);
    from = key + '\0';
  }
  auto emptied = done == rows.size() && done < wanted;
  if (!emptied || budget.left == 0) {
    state.put(keys::orphan(id), from);
    return;
  }
  forget_directory(state, id);
  dequeue(state, id);
  budget.spend(1);
  ++budget.inodes_gone;
}

} // namespace

std::uint32_t reclaim_or_queue(state_transaction& state, const dirent& gone) {
  auto inode = state.must_inode(gone.id);
  auto much = inode.entries > 0 || inode.extents > limits::reclaim_at_once_extents_max;
  if (much) {
    enqueue(state, gone.id);
    return 0;
  }
  if (inode.type == inode_type::directory) {
    forget_directory(state, gone.id);
    return 1;
  }
  auto from = keys::extents_of(gone.id);
  drop_extents(state, gone.id, from, inode.extents);
  forget_file(state, gone.id, inode);
  return 1 + inode.extents;
}

std::uint32_t reclaim(state_transaction& state, std::uint32_t limit) {
  budget budget{limit, 0};
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
    if (state.must_inode(*id).type == inode_type::directory)
      reclaim_directory(state, *id, value, budget);
    else
      reclaim_file(state, *id, value, budget);
  }
  return budget.inodes_gone;
}

result<garbage_collected> run(state_transaction& state, const commands::collect_garbage& command) {
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
  garbage_collected answer;
  answer.reclaimed_inodes = reclaim(state, limit);
  answer.expired_sessions = state.expire_sessions(command.session_expiry_us, limit);
  answer.gc_watermark_us = meta.gc_watermark_us;
  answer.pending_removals = meta.orphans;
  return answer;
}

} // namespace dfs::state
