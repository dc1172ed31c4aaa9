#include "namespace/audit.hpp"
#include "namespace/chunks.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

namespace {

std::string unreadable(std::string_view key) {
  return fmt::format("the row with the key {} can't be read", in_quotes(key));
}

template <class Facts, class Id>
Facts* find_in(std::vector<Facts>& all, const Id& id) {
  auto found = std::ranges::lower_bound(all, id, {}, &Facts::id);
  return found != all.end() && found->id == id ? &*found : nullptr;
}

} // namespace

auditor::inode_facts* auditor::find(inode_id id) {
  return find_in(inodes_, id);
}

auditor::chunk_facts* auditor::find(const chunk_id& id) {
  return find_in(chunks_, id);
}

void auditor::report(std::string finding) {
  if (report_.findings.size() < audit_report::findings_max)
    report_.findings.push_back(std::move(finding));
  ++report_.total;
}

void auditor::report_row(std::string finding) {
  if (part_.is_first)
    report(std::move(finding));
}

void auditor::take(std::string_view key, std::string_view value) {
  ++report_.rows;
  if (key.empty() || key <= last_key_)
    return report_row(fmt::format("the row with the key {} isn't in order", in_quotes(key)));
  last_key_ = key;
  switch (key.front()) {
  case 'M':
    return take_mount(key, value);
  case 'N':
  case 'U':
    return take_storage_id(key, value);
  case 'P': {
    auto id = keys::policy_with_digest_in(key);
    if (!id || value != encode_mark())
      return report_row(unreadable(key));
    ++policies_by_digest_[*id];
    return;
  }
  case 'S':
    return take_storage(key, value);
  case 'T':
    return take_trash(key, value);
  case 'a':
    return take_xattr(key, value);
  case 'c':
    return take_chunk(key, value);
  case 'd':
    return take_entry(key, value);
  case 'f':
    return take_fragment(key);
  case 'i':
    return take_inode(key, value);
  case 'k': {
    setting_record setting;
    if (!decode(value, setting))
      return report_row(unreadable(key));
    ++counted_.settings;
    return;
  }
  case 'm':
    if (!decode(value, meta_.emplace()) || key != keys::meta()) {
      meta_.reset();
      report_row(unreadable(key));
    }
    return;
  case 'o':
    return take_held(key);
  case 'p':
    return take_policy(key, value);
  case 't':
    return take_orphan(key, value);
  case 'u':
    return take_incomplete(key);
  case 'w':
    return take_trash_walk(key, value);
  case 'x':
    return take_extent(key, value);
  default:
    report_row(fmt::format("the row with the key {} belongs to no table", in_quotes(key)));
  }
}

void auditor::take_mount(std::string_view key, std::string_view value) {
  mount_record mount;
  auto id = keys::id_in(key);
  if (!id || !decode(value, mount))
    return report_row(unreadable(key));
  mounts_[*id] = mount.ended;
  ++(mount.ended ? counted_.ended_mounts : counted_.live_mounts);
  counted_.mounts = std::max(counted_.mounts, *id);
}

void auditor::take_storage_id(std::string_view key, std::string_view value) {
  storage_id id = no_storage;
  if (!decode_id(value, id))
    return report_row(unreadable(key));
  auto& ids = key.front() == 'N' ? storages_by_name_ : storages_by_uuid_;
  ids[std::string{key.substr(1)}] = id;
}

void auditor::take_storage(std::string_view key, std::string_view value) {
  storage_record record;
  auto id = keys::id_in(key);
  if (!id || !decode(value, record))
    return report_row(unreadable(key));
  counted_.storages = std::max(counted_.storages, *id);
  storages_[*id] = std::move(record);
}

void auditor::take_policy(std::string_view key, std::string_view value) {
  policy record;
  auto id = keys::id_in(key);
  if (!id || !decode(value, record))
    return report_row(unreadable(key));
  counted_.policies = std::max(counted_.policies, *id);
  counted_.trash_policies += record.trash_us > 0;
  policies_[*id] = std::move(record);
}

void auditor::take_xattr(std::string_view key, std::string_view value) {
  std::string content;
  auto id = keys::inode_in(key);
  auto name = keys::name_in(key);
  if (!id || name.empty() || !decode_bytes(value, content))
    return report_row(unreadable(key));
  if (!part_.has(*id))
    return;
  if (xattrs_.empty() || xattrs_.back().id != *id)
    xattrs_.push_back({*id, 0});
  xattrs_.back().bytes += name.size() + content.size() + limits::xattr_overhead_bytes;
}

void auditor::take_chunk(std::string_view key, std::string_view value) {
  stored_chunk stored;
  auto id = keys::chunk_in(key);
  if (!id || !decode(value, stored))
    return report_row(unreadable(key));
  ++counted_.chunks;
  ++report_.chunks;
  if (part_.has(*id))
    chunks_.push_back({*id, std::move(stored)});
}

void auditor::take_fragment(std::string_view key) {
  auto node = keys::id_in(key);
  auto id = keys::chunk_on_node_in(key);
  if (!node || key != keys::fragment_on(*node, id.value_or(chunk_id{}),
                                        static_cast<std::uint8_t>(key.back())))
    return report_row(unreadable(key));
  if (!part_.has(*id))
    return;
  auto index = static_cast<std::uint8_t>(key.back());
  auto* chunk = find(*id);
  if (!chunk || index >= chunk->stored.nodes.size() || chunk->stored.nodes[index] != *node)
    return report(fmt::format("storage node {} is listed with fragment {} of chunk {}, which the "
                              "chunk's record doesn't say",
                              *node, index, to_string(*id)));
  ++chunk->fragments;
}

void auditor::take_entry(std::string_view key, std::string_view value) {
  dirent entry;
  auto parent = keys::inode_in(key);
  if (!parent || keys::name_in(key).empty() || !decode(value, entry))
    return report_row(unreadable(key));
  ++report_.entries;
  if (part_.has(entry.id))
    children_.push_back({entry.id, *parent, entry.type});
  if (!part_.has(*parent))
    return;
  if (children_counts_.empty() || children_counts_.back().parent != *parent)
    children_counts_.push_back({*parent, 0, 0});
  ++children_counts_.back().entries;
  children_counts_.back().subdirectories += entry.type == inode_type::directory;
}

void auditor::take_inode(std::string_view key, std::string_view value) {
  inode record;
  auto id = keys::inode_in(key);
  if (!id || !decode(value, record))
    return report_row(unreadable(key));
  ++report_.inodes;
  counted_.next_inode = std::max(counted_.next_inode, *id + 1);
  switch (record.type) {
  case inode_type::file:
    ++counted_.files;
    counted_.bytes += record.size_bytes;
    break;
  case inode_type::directory:
    ++counted_.directories;
    break;
  default:
    ++counted_.others;
  }
  auto is_named_directory = record.type == inode_type::directory && record.links > 0;
  if (is_named_directory && *id == root_inode)
    has_root_ = true;
  else if (is_named_directory && part_.is_first)
    directories_.push_back({*id, record.parent});
  if (part_.has(*id))
    keep(*id, record);
}

void auditor::keep(inode_id id, const inode& record) {
  inode_facts facts;
  facts.id = id;
  facts.parent = record.parent;
  facts.size_bytes = record.size_bytes;
  facts.entries = record.entries;
  facts.inline_bytes = record.inline_bytes;
  facts.subdirectories = record.subdirectories;
  facts.links = record.links;
  facts.extents = record.extents;
  facts.holders = record.holders;
  facts.xattr_bytes = record.xattr_bytes;
  facts.policy = record.policy;
  facts.type = record.type;
  facts.trash_expires_us = record.trash_expires_us;
  inodes_.push_back(facts);
}

void auditor::take_held(std::string_view key) {
  auto mount = keys::id_in(key);
  auto id = keys::held_in(key);
  if (!mount || !id)
    return report_row(unreadable(key));
  if (!part_.has(*id))
    return;
  auto* inode = find(*id);
  if (!inode)
    return report(fmt::format("mount {} keeps inode {}, which doesn't exist", *mount, *id));
  if (!mounts_.contains(*mount))
    report(fmt::format("mount {} keeps inode {}, and doesn't exist itself", *mount, *id));
  ++inode->holders_found;
}

void auditor::take_orphan(std::string_view key, std::string_view value) {
  std::string from;
  auto id = keys::inode_in(key);
  if (!id || !decode_bytes(value, from))
    return report_row(unreadable(key));
  ++counted_.orphans;
  if (!part_.has(*id))
    return;
  if (auto* inode = find(*id))
    inode->is_queued = true;
  else
    report(fmt::format("inode {} is to be reclaimed, and doesn't exist", *id));
}

void auditor::take_trash(std::string_view key, std::string_view value) {
  trash_record record;
  auto at = keys::trash_in(key);
  if (!at || !decode(value, record))
    return report_row(unreadable(key));
  if (counted_.trash_entries++ == 0) // the first one expires first
    counted_.trash_expired_us = at->expires_us;
  counted_.trash_bytes += record.bytes;
  counted_.trash_uncounted += !record.is_counted;
  if (part_.has(at->inode))
    trash_.push_back({at->inode, at->expires_us, record.is_counted});
}

void auditor::take_trash_walk(std::string_view key, std::string_view value) {
  trash_walk walk;
  auto id = keys::inode_in(key);
  if (!id || !decode(value, walk) || walk.steps.empty())
    return report_row(unreadable(key));
  if (part_.has(*id))
    trash_walks_.push_back(*id);
}

void auditor::take_incomplete(std::string_view key) {
  auto at = keys::incomplete_in(key);
  if (!at)
    return report_row(unreadable(key));
  ++counted_.incomplete_chunks;
  if (!part_.has(at->chunk))
    return;
  auto* chunk = find(at->chunk);
  auto found = chunk ? policies_.find(chunk->stored.policy) : policies_.end();
  auto spare = found == policies_.end() ? std::nullopt : spare_of(chunk->stored, found->second);
  if (spare != at->spare)
    return report(fmt::format("chunk {} is listed as incomplete with {} losses to spare, which its "
                              "record doesn't say",
                              to_string(at->chunk), int{at->spare} - 1));
  chunk->is_listed = true;
}

void auditor::take_extent(std::string_view key, std::string_view value) {
  extent row;
  auto id = keys::inode_in(key);
  auto end = keys::extent_end_in(key);
  if (!id || !end || !decode(value, row) || row.begin >= *end)
    return report_row(unreadable(key));
  if (part_.has(*id)) {
    if (auto* file = find(*id))
      take_extent_of(*file, *end, row);
    else
      report(fmt::format("inode {} has content up to byte {}, and doesn't exist", *id, *end));
  }
  auto length = *end - row.begin;
  if (auto* part = std::get_if<extent::part>(&row.content))
    take_part_of_chunk(*id, length, *part);
  else
    counted_.inline_bytes += length;
}

void auditor::take_extent_of(inode_facts& file, std::uint64_t end, const extent& row) {
  auto length = end - row.begin;
  if (row.begin < file.content_end)
    report(fmt::format("inode {} has two contents from byte {} on", file.id, row.begin));
  file.content_end = end;
  ++file.extents_found;
  if (auto* bytes = std::get_if<std::string>(&row.content)) {
    if (bytes->size() != length)
      report(fmt::format("inode {} has {} bytes of content from byte {} to {}", file.id,
                         bytes->size(), row.begin, end));
    file.inline_bytes_found += length;
  }
}

void auditor::take_part_of_chunk(inode_id file, std::uint64_t length, const extent::part& part) {
  if (!part_.has(part.chunk))
    return;
  auto* chunk = find(part.chunk);
  if (!chunk)
    return report(fmt::format("inode {} has content in chunk {}, which doesn't exist", file,
                              to_string(part.chunk)));
  if (part.offset_bytes > chunk->stored.size_bytes ||
      length > chunk->stored.size_bytes - part.offset_bytes)
    report(fmt::format("inode {} has content beyond the end of chunk {}", file,
                       to_string(part.chunk)));
  ++chunk->references;
  chunk->live_bytes += length;
}

} // namespace dfs::state
