#pragma once

#include "names_fixture.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <span>

namespace names {

/// A byte of a file: a hole, a byte in the name space, or a byte of a chunk.
struct cell {
  enum class kind : std::uint8_t { hole, text, chunk } what = kind::hole;
  char text = 0;
  std::uint64_t chunk = 0; ///< `chunk_id::random`
  std::uint64_t offset = 0;

  friend bool operator==(const cell&, const cell&) = default;
};

inline std::vector<cell> cells_of(const std::vector<piece>& pieces, std::uint64_t size_bytes) {
  std::vector<cell> cells(size_bytes);
  for (const auto& part : pieces)
    for (std::uint64_t i = 0; i < part.length_bytes && part.offset_bytes + i < size_bytes; ++i) {
      auto& to = cells[part.offset_bytes + i];
      if (auto* text = std::get_if<std::string>(&part.content))
        to = {cell::kind::text, (*text)[i], 0, 0};
      else if (auto* stored = std::get_if<chunk_part>(&part.content))
        to = {cell::kind::chunk, 0, stored->chunk.id.random, stored->offset_bytes + i};
      else
        to = {};
    }
  return cells;
}

/// Inodes in memory, each byte of a file by itself; a removed tree is gone at once.
class model_tree {
 public:
  /// Where something in the trash was, and for how long it stays.
  struct trashed {
    place from;
    std::uint64_t removed_us = 0;
    std::uint64_t expires_us = 0;
  };
  struct node {
    inode_attributes is;
    std::map<std::string, inode_id> entries;
    std::vector<cell> content;
    std::map<std::string, std::string> xattrs;
    std::set<mount_id> kept_by;
    std::optional<trashed> trash;
    /// A name was reclaimed with a tree, at one of the entries until now.
    bool changed_lately = false;
  };
  explicit model_tree(std::map<policy_id, policy> policies) : policies_{std::move(policies)} {
    nodes_[root_inode].is = {.type = inode_type::directory, .mode = 0755, .links = 2};
  }

  /// The entry that the next command comes with.
  void begin(std::uint64_t index, std::int64_t now_ns) {
    index_ = index;
    now_ns_ = now_ns;
  }
  const std::map<inode_id, node>& nodes() const { return nodes_; }
  std::map<inode_id, node>& nodes() { return nodes_; }
  inode_id next_inode() const { return next_; }
  const std::set<mount_id>& mounts() const { return mounts_; }

  /// Can the inode be named by its id?
  static bool is_reachable(const node& what) { return what.is.links > 0 || !what.kept_by.empty(); }
  /// What has expired in the trash is gone.
  void expire_trash(std::uint64_t time_us) {
    for (auto id : in_trash([&](const trashed& entry) { return entry.expires_us <= time_us; }))
      discard(id);
  }

 protected:
  struct parsed {
    std::vector<std::string> names;
    bool slash = false;
  };
  static parsed parse(const place& where) {
    parsed path;
    std::string name;
    for (auto byte : where.path)
      if (byte == '/')
        path.names.push_back(std::exchange(name, {}));
      else
        name += byte;
    path.slash = !where.path.empty() && name.empty();
    if (!name.empty())
      path.names.push_back(name);
    return path;
  }

  atl::result<inode_id> reach(inode_id id) const {
    if (!nodes_.contains(id) || !is_reachable(nodes_.at(id)))
      return atl::fail(errc::not_found, "");
    return id;
  }
  atl::result<inode_id> follow(inode_id at, std::span<const std::string> names, bool to_directory) {
    if (auto begin = reach(at); !begin)
      return begin;
    for (const auto& name : names) {
      if (nodes_.at(at).is.type != inode_type::directory)
        return atl::fail(errc::refused, "");
      auto next = entry_of(at, name);
      if (!next)
        return atl::fail(errc::not_found, "");
      at = *next;
    }
    if (to_directory && nodes_.at(at).is.type != inode_type::directory)
      return atl::fail(errc::refused, "");
    return at;
  }
  atl::result<inode_id> find(const place& where) {
    auto path = parse(where);
    return follow(where.at, path.names, path.slash);
  }
  atl::result<inode_id> find_file(const place& where) {
    auto found = find(where);
    if (found && nodes_.at(*found).is.type != inode_type::file)
      return atl::fail(errc::refused, "");
    return found;
  }
  atl::result<inode_id> parent_of(const place& where, const parsed& path) {
    return follow(where.at, {path.names.data(), path.names.size() - 1}, true);
  }
  std::optional<inode_id> entry_of(inode_id parent, const std::string& name) const {
    auto& entries = nodes_.at(parent).entries;
    auto found = entries.find(name);
    return found == entries.end() ? std::nullopt : std::optional{found->second};
  }

  void note_change(inode_attributes& is) const {
    is.ctime_ns = now_ns_;
    is.version = index_;
  }
  void note_content(inode_attributes& is) const {
    note_change(is);
    is.mtime_ns = now_ns_;
    is.data_version = index_;
  }

  inode_id insert(inode_id parent, const std::string& name, inode_type type, std::uint16_t mode,
                  const commands::make& c) {
    auto id = next_++;
    auto& is = nodes_[id].is;
    is.type = type;
    is.mode = mode;
    is.uid = c.inode.uid;
    is.gid = c.inode.gid;
    is.links = type == inode_type::directory ? 2 : 1;
    is.atime_ns = is.mtime_ns = is.ctime_ns = is.btime_ns = now_ns_;
    is.version = is.data_version = index_;
    add(parent, name, id);
    return id;
  }
  void add(inode_id parent, const std::string& name, inode_id id) {
    auto& into = nodes_.at(parent);
    into.entries[name] = id;
    ++into.is.entries;
    if (nodes_.at(id).is.type == inode_type::directory) {
      ++into.is.links;
      nodes_.at(id).is.parent = parent;
    }
    note_content(into.is);
  }
  void take_away(inode_id parent, const std::string& name) {
    auto& from = nodes_.at(parent);
    auto found = from.entries.find(name);
    if (nodes_.at(found->second).is.type == inode_type::directory && from.is.links > 0)
      --from.is.links;
    from.entries.erase(found);
    --from.is.entries;
    note_content(from.is);
  }

  void take_name(node& from, const std::vector<mount_id>& keep_for) const {
    from.is.links = from.is.type == inode_type::directory ? 0 : from.is.links - 1;
    note_change(from.is);
    if (from.is.links == 0 && from.entries.empty())
      from.kept_by.insert(keep_for.begin(), keep_for.end());
  }
  /// A command removes a name in a directory, which may have a trash.
  void remove_name(inode_id id, inode_id parent, place where,
                   const std::vector<mount_id>& keep_for) {
    auto& node = nodes_.at(id);
    take_name(node, keep_for);
    auto policy = policy_in(parent);
    auto kept_us = policy == no_policy ? 0 : policies_.at(policy).trash_us;
    if (where.path.ends_with('/'))
      where.path.pop_back();
    if (node.is.links == 0 && kept_us > 0)
      node.trash = trashed{std::move(where), now_us(), now_us() + kept_us};
    reclaim_unless_needed(id);
  }
  void drop_name(inode_id id, const std::vector<mount_id>& keep_for) {
    take_name(nodes_.at(id), keep_for);
    reclaim_unless_needed(id);
  }
  void discard(inode_id id) {
    nodes_.at(id).trash.reset();
    reclaim_unless_needed(id);
  }
  void reclaim_unless_needed(inode_id id) {
    auto& node = nodes_.at(id);
    if (is_reachable(node) || node.trash)
      return;
    auto children = std::move(node.entries);
    nodes_.erase(id);
    for (auto& [_, child] : children) {
      drop_name(child, {});
      if (auto survivor = nodes_.find(child); survivor != nodes_.end())
        survivor->second.changed_lately = true;
    }
  }
  void release(mount_id mount, const std::vector<inode_id>& ids) {
    for (auto id : ids)
      if (auto found = nodes_.find(id); found != nodes_.end())
        if (found->second.kept_by.erase(mount) > 0)
          reclaim_unless_needed(id);
  }
  template <class Wanted>
  std::vector<inode_id> in_trash(const Wanted& is_wanted) const {
    std::vector<inode_id> found;
    for (const auto& [id, node] : nodes_)
      if (node.trash && is_wanted(*node.trash))
        found.push_back(id);
    return found;
  }
  std::uint64_t now_us() const { return static_cast<std::uint64_t>(now_ns_) / 1000; }

  bool is_below(inode_id directory, inode_id other) const {
    for (auto at = directory; nodes_.contains(at); at = nodes_.at(at).is.parent)
      if (at == other)
        return true;
    return false;
  }
  bool are_mounted(const std::vector<mount_id>& mounts) const {
    return std::ranges::all_of(mounts, [&](auto id) { return mounts_.contains(id); });
  }
  policy_id policy_in(inode_id directory) const {
    auto at = directory;
    while (nodes_.contains(at) && nodes_.at(at).is.policy == no_policy)
      at = nodes_.at(at).is.parent;
    return nodes_.contains(at) ? nodes_.at(at).is.policy : no_policy;
  }
  static bool has_text(const std::vector<piece>& pieces) {
    return std::ranges::any_of(
        pieces, [](auto& part) { return std::holds_alternative<std::string>(part.content); });
  }
  bool takes_no_text(policy_id id) const {
    return id == no_policy || policies_.at(id).inline_bytes_max == 0;
  }
  static void drop_privileges(inode_attributes& is) {
    is.mode = static_cast<std::uint16_t>(is.mode & ((is.mode & 0010) ? 01777 : 03777));
  }

  std::map<policy_id, policy> policies_;
  std::map<inode_id, node> nodes_;
  std::set<mount_id> mounts_;
  mount_id last_mount_ = 0;
  inode_id next_ = root_inode + 1;
  std::uint64_t index_ = 0;
  std::int64_t now_ns_ = 0;
};

} // namespace names
