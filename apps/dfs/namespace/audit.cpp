#include "namespace/audit.hpp"

#include "namespace/chunks.hpp"
#include "namespace/path.hpp"
#include "namespace/resolver.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace state {

audit_report auditor::finish() {
  join_children();
  join_xattrs();
  join_trash();
  for (const auto& inode : inodes_)
    check_inode(inode);
  check_chunks();
  if (part_.is_first) {
    check_reachable();
    check_storages();
    check_policies();
    check_counters();
  }
  return std::move(report_);
}

void auditor::compare(std::string_view what, std::uint64_t stored, std::uint64_t counted) {
  if (stored != counted)
    report(fmt::format("{} is recorded as {}, and counted as {}", what, stored, counted));
}

void auditor::join_children() {
  for (const auto& child : children_) {
    auto* inode = find(child.id);
    if (!inode) {
      report(fmt::format("an entry of directory {} names inode {}, which doesn't exist",
                         child.parent, child.id));
      continue;
    }
    ++inode->names;
    if (inode->type != child.type)
      report(fmt::format("an entry of directory {} says that inode {} is a {}; it is a {}",
                         child.parent, child.id, name_of(child.type), name_of(inode->type)));
    if (inode->type == inode_type::directory && inode->parent != child.parent)
      report(fmt::format("directory {} has its name in directory {}, and {} as its parent",
                         child.id, child.parent, inode->parent));
  }
  for (const auto& count : children_counts_) {
    auto* inode = find(count.parent);
    if (!inode || inode->type != inode_type::directory)
      report(fmt::format("there are entries of inode {}, which isn't a directory", count.parent));
  }
}

void auditor::join_xattrs() {
  for (const auto& count : xattrs_)
    if (!find(count.id))
      report(fmt::format("there are attributes of inode {}, which doesn't exist", count.id));
}

void auditor::join_trash() {
  std::ranges::sort(trash_, {}, &trash_facts::id);
  for (std::size_t i = 0; i < trash_.size(); ++i) {
    const auto& entry = trash_[i];
    auto* inode = find(entry.id);
    if (!inode || inode->trash_expires_us != entry.expires_us)
      report(fmt::format("inode {} is in the trash until {}, which its own row doesn't say",
                         entry.id, entry.expires_us));
    if (i > 0 && trash_[i - 1].id == entry.id)
      report(fmt::format("inode {} is in the trash twice", entry.id));
    if (entry.is_counted == std::ranges::binary_search(trash_walks_, entry.id))
      report(fmt::format("inode {} in the trash is {}counted, and {}in the list of those to count",
                         entry.id, entry.is_counted ? "" : "not ", entry.is_counted ? "" : "not "));
  }
  for (auto id : trash_walks_)
    if (!std::ranges::binary_search(trash_, id, {}, &trash_facts::id))
      report(fmt::format("inode {} is to be counted in the trash, and isn't there", id));
}

void auditor::check_inode(const inode_facts& inode) {
  check_names_of(inode);
  check_content_of(inode);
  auto xattrs = std::ranges::lower_bound(xattrs_, inode.id, {}, &xattr_count::id);
  auto has_xattrs = xattrs != xattrs_.end() && xattrs->id == inode.id;
  compare(fmt::format("the size of the attributes of inode {}", inode.id), inode.xattr_bytes,
          has_xattrs ? xattrs->bytes : 0);
  compare(fmt::format("the number of mounts that keep inode {}", inode.id), inode.holders,
          inode.holders_found);
  if (inode.policy != no_policy && !policies_.contains(inode.policy))
    report(fmt::format("inode {} has policy {}, which doesn't exist", inode.id, inode.policy));
}

void auditor::check_names_of(const inode_facts& inode) {
  const auto id = inode.id;
  auto counts = std::ranges::lower_bound(children_counts_, id, {}, &children_count::parent);
  auto found =
      counts != children_counts_.end() && counts->parent == id ? *counts : children_count{};
  if (!inode.is_queued) { // of a queued one rows are gone already
    compare(fmt::format("the number of entries of inode {}", id), inode.entries, found.entries);
    compare(fmt::format("the number of subdirectories of inode {}", id), inode.subdirectories,
            found.subdirectories);
  }
  auto is_removed = inode.links == 0;
  if (inode.type != inode_type::directory) {
    compare(fmt::format("the number of names of inode {}", id), inode.links, inode.names);
  } else if (!is_removed) {
    compare(fmt::format("the number of names of directory {}", id), id == root_inode ? 0 : 1,
            inode.names);
    compare(fmt::format("the number of links of directory {}", id), inode.links,
            std::uint64_t{2} + inode.subdirectories);
  } else {
    compare(fmt::format("the number of names of the removed directory {}", id), 0, inode.names);
  }
  auto is_in_trash = inode.trash_expires_us > 0;
  auto is_in_list = std::ranges::binary_search(trash_, id, {}, &trash_facts::id);
  if (is_in_trash && !is_in_list)
    report(fmt::format("inode {} is in the trash by its row, and not in the trash's list", id));
  if (is_removed && !inode.is_queued && inode.holders == 0 && !is_in_trash)
    report(fmt::format("inode {} has no name, and nothing will reclaim it", id));
  // What was restored may have a name, and mounts that keep it from before.
  if (!is_removed && (inode.is_queued || is_in_trash))
    report(
        fmt::format("inode {} has a name, and is kept or to be reclaimed as if it had none", id));
  if (inode.is_queued && is_in_trash)
    report(fmt::format("inode {} is to be reclaimed, and in the trash", id));
  if (inode.is_queued && inode.holders > 0)
    report(fmt::format("inode {} is to be reclaimed, and mounts keep it", id));
}

void auditor::check_content_of(const inode_facts& inode) {
  const auto id = inode.id;
  auto may_have_content = inode.type == inode_type::file || inode.type == inode_type::symlink;
  if (!may_have_content && inode.extents_found > 0)
    report(fmt::format("inode {}, a {}, has content", id, name_of(inode.type)));
  if (inode.content_end > inode.size_bytes)
    report(fmt::format("inode {} has {} bytes, and content up to byte {}", id, inode.size_bytes,
                       inode.content_end));
  if (inode.type == inode_type::symlink && !inode.is_queued &&
      inode.inline_bytes_found != inode.size_bytes)
    report(fmt::format("symbolic link {} has no complete target", id));
  if (inode.is_queued)
    return;
  compare(fmt::format("the number of extents of inode {}", id), inode.extents, inode.extents_found);
  compare(fmt::format("the content of inode {} in the name space", id), inode.inline_bytes,
          inode.inline_bytes_found);
}

/// Each directory leads to the root, or to one that was removed.
void auditor::check_reachable() {
  std::vector<bool> is_reached(directories_.size());
  std::vector<std::size_t> way;
  auto position = [&](inode_id id) -> std::optional<std::size_t> {
    auto found = std::ranges::lower_bound(directories_, id, {}, &directory_facts::id);
    if (found == directories_.end() || found->id != id)
      return std::nullopt;
    return static_cast<std::size_t>(found - directories_.begin());
  };
  for (std::size_t begin = 0; begin < directories_.size(); ++begin) {
    way.clear();
    std::optional<std::size_t> at = begin;
    while (at && !is_reached[*at] && way.size() <= directories_.size()) {
      way.push_back(*at);
      at = position(directories_[*at].parent);
    }
    if (way.size() > directories_.size())
      report(fmt::format("directory {} is below itself", directories_[begin].id));
    for (auto passed : way)
      is_reached[passed] = true;
  }
  if (!has_root_)
    report("there is no root directory");
}

void auditor::check_chunks() {
  for (const auto& chunk : chunks_) {
    auto name = to_string(chunk.id);
    compare(fmt::format("the number of references to chunk {}", name), chunk.stored.references,
            chunk.references);
    compare(fmt::format("the number of live bytes of chunk {}", name), chunk.stored.live_bytes,
            chunk.live_bytes);
    if (chunk.references == 0)
      report(fmt::format("nothing refers to chunk {}", name));
    auto stored = static_cast<std::size_t>(
        std::ranges::count_if(chunk.stored.nodes, [](storage_id id) { return id != no_storage; }));
    compare(fmt::format("the number of stored fragments of chunk {}", name), stored,
            chunk.fragments);
    for (auto node : chunk.stored.nodes)
      if (node != no_storage && !storages_.contains(node))
        report(fmt::format("chunk {} is on storage node {}, which doesn't exist", name, node));
    auto found = policies_.find(chunk.stored.policy);
    if (found == policies_.end())
      report(fmt::format("chunk {} has policy {}, which doesn't exist", name, chunk.stored.policy));
    else if (found->second.fragments != chunk.stored.nodes.size())
      report(fmt::format("chunk {} has another number of fragments than its policy", name));
    if (stored < chunk.stored.nodes.size() && !chunk.is_listed)
      report(fmt::format("chunk {} lacks fragments, and isn't listed as incomplete", name));
  }
}

void auditor::check_storages() {
  for (const auto& [id, node] : storages_) {
    if (node.state == storage_state::forgotten)
      continue;
    auto by_uuid = storages_by_uuid_.find(node.uuid);
    if (by_uuid == storages_by_uuid_.end() || by_uuid->second != id)
      report(fmt::format("storage node {} isn't found by its data folder", id));
    if (!storages_by_name_.contains(node.name))
      report(fmt::format("storage node {} isn't found by its name", id));
  }
  for (const auto& [name, id] : storages_by_name_) {
    auto found = storages_.find(id);
    if (found == storages_.end() || found->second.name != name ||
        found->second.state == storage_state::forgotten)
      report(fmt::format("the name {} leads to storage node {}, which hasn't that name",
                         in_quotes(name), id));
  }
  for (const auto& [uuid, id] : storages_by_uuid_) {
    auto found = storages_.find(id);
    if (found == storages_.end() || found->second.uuid != uuid ||
        found->second.state == storage_state::forgotten)
      report(fmt::format("the data folder {} leads to storage node {}, which isn't in it",
                         in_quotes(uuid), id));
  }
}

void auditor::check_policies() {
  for (const auto& [id, _] : policies_)
    compare(fmt::format("the number of policies with the id {}", id), 1, policies_by_digest_[id]);
  for (const auto& [id, _] : policies_by_digest_)
    if (!policies_.contains(id))
      report(fmt::format("policy {} is found by its digest, and doesn't exist", id));
}

void auditor::check_counters() {
  if (!meta_)
    return report("there is no record of the counters");
  compare("the number of files", meta_->files, counted_.files);
  compare("the number of directories", meta_->directories, counted_.directories);
  compare("the number of other inodes", meta_->others, counted_.others);
  compare("the number of chunks", meta_->chunks, counted_.chunks);
  compare("the number of incomplete chunks", meta_->incomplete_chunks, counted_.incomplete_chunks);
  compare("the size of all files", meta_->bytes, counted_.bytes);
  compare("the size of all content in the name space", meta_->inline_bytes, counted_.inline_bytes);
  compare("the number of inodes to be reclaimed", meta_->orphans, counted_.orphans);
  compare("the number of entries of the trash", meta_->trash_entries, counted_.trash_entries);
  compare("the size of what is in the trash", meta_->trash_bytes, counted_.trash_bytes);
  compare("the number of entries of the trash to be counted", meta_->trash_uncounted,
          counted_.trash_uncounted);
  compare("the number of policies with a trash", meta_->trash_policies, counted_.trash_policies);
  if (counted_.trash_entries > 0 && counted_.trash_expired_us < meta_->trash_expired_us)
    report("something in the trash expires before the time up to which it was emptied");
  compare("the number of settings", meta_->settings, counted_.settings);
  compare("the number of mounts", meta_->live_mounts, counted_.live_mounts);
  compare("the number of ended mounts", meta_->ended_mounts, counted_.ended_mounts);
  compare("the number of policies", meta_->policies, policies_.size());
  compare("the number of storage nodes", meta_->storages, storages_.size());
  auto is_given_again = counted_.next_inode > meta_->next_inode || counted_.mounts > meta_->mounts;
  if (is_given_again)
    report("an id of an inode or a mount would be given a second time");
}

} // namespace state

} // namespace dfs
