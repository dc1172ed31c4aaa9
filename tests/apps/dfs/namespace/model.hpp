#pragma once

#include "names_fixture.hpp"

#include <algorithm>
#include <optional>
#include <set>

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

/// A reference for the name space, written from the rules of POSIX rather than from its sources:
/// inodes in memory, each byte of a file by itself, and a removed tree gone at once.
class model {
 public:
  struct node {
    inode_attributes is;
    std::map<std::string, inode_id> entries;
    std::vector<cell> content;
    std::map<std::string, std::string> xattrs;
    std::set<mount_id> kept_by;
    /// A name was reclaimed with a tree, at one of the entries until now.
    bool changed_lately = false;
  };
  /// The code of the error that must be answered, or none.
  using verdict = std::optional<errc>;

  explicit model(std::map<policy_id, policy> policies) : policies_{std::move(policies)} {
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

  verdict run(const commands::make& c) {
    auto path = parse(c.where);
    auto is_directory = c.inode.type == inode_type::directory;
    if (path.slash && !is_directory)
      return errc::invalid;
    path.slash = false;
    using if_exists = commands::make::if_exists;
    auto begin = reach(c.where.at);
    if (!begin)
      return errc::not_found;
    auto at = c.where.at;
    std::size_t depth = 0;
    for (; depth < path.names.size(); ++depth) {
      if (nodes_.at(at).is.type != inode_type::directory)
        return errc::refused;
      auto next = nodes_.at(at).entries.find(path.names[depth]);
      if (next == nodes_.at(at).entries.end())
        break;
      at = next->second;
    }
    auto exists = depth == path.names.size();
    if (exists) {
      auto there_is_directory = nodes_.at(at).is.type == inode_type::directory;
      if (is_directory)
        return c.existing == if_exists::keep && there_is_directory ? verdict{} : errc::exists;
      if (there_is_directory)
        return errc::refused;
      if (c.existing != if_exists::replace)
        return errc::exists;
      if (path.names.empty())
        return errc::invalid;
    } else if (depth + 1 < path.names.size() && !c.parents) {
      return errc::not_found;
    }
    auto parent = exists ? *parent_of(c.where, path) : at;
    if (nodes_.at(parent).is.links == 0)
      return errc::not_found;
    auto by = c.inode.type == inode_type::file ? policy_in(parent) : no_policy;
    if (c.inode.type == inode_type::file && has_text(c.content) && takes_no_text(by))
      return errc::refused;
    for (; !exists && depth + 1 < path.names.size(); ++depth)
      parent = insert(parent, path.names[depth], inode_type::directory, c.parents_mode, c);
    auto& name = path.names.back();
    std::optional<inode_id> replaced;
    if (exists)
      replaced = at;
    auto made = insert(parent, name, c.inode.type, c.inode.mode, c);
    auto& is = nodes_.at(made).is;
    is.device = c.inode.device;
    is.atime_ns = c.inode.atime_ns.value_or(now_ns_);
    is.mtime_ns = c.inode.mtime_ns.value_or(now_ns_);
    is.policy = by;
    auto end =
        c.content.empty() ? 0 : c.content.back().offset_bytes + c.content.back().length_bytes;
    nodes_.at(made).content = cells_of(c.content, std::max(end, c.size_bytes));
    if (replaced) {
      --nodes_.at(parent).is.entries;
      drop_name(*replaced, {});
    }
    return {};
  }

  verdict run(const commands::link& c) {
    auto source = find(c.from);
    if (!source)
      return source.error().code;
    auto to = parse(c.to);
    if (to.names.empty())
      return errc::exists;
    if (nodes_.at(*source).is.type == inode_type::directory || to.slash)
      return errc::refused;
    auto parent = parent_of(c.to, to);
    if (!parent)
      return parent.error().code;
    if (nodes_.at(*parent).is.links == 0)
      return errc::not_found;
    if (nodes_.at(*parent).entries.contains(to.names.back()))
      return errc::exists;
    auto& is = nodes_.at(*source).is;
    if (is.links == 0)
      return errc::not_found;
    ++is.links;
    note_change(is);
    add(*parent, to.names.back(), *source);
    return {};
  }

  verdict run(const commands::unlink& c) {
    auto path = parse(c.where);
    if (path.names.empty() || !are_mounted(c.keep_for))
      return errc::refused;
    auto gone = find(c.where);
    if (!gone)
      return gone.error().code;
    auto is_directory = nodes_.at(*gone).is.type == inode_type::directory;
    using expect = commands::unlink::expect;
    if ((c.expected == expect::directory && !is_directory) ||
        (c.expected == expect::not_directory && is_directory) ||
        (is_directory && !c.recursive && !nodes_.at(*gone).entries.empty()))
      return errc::refused;
    take_away(*parent_of(c.where, path), path.names.back());
    drop_name(*gone, c.keep_for);
    return {};
  }

  verdict run(const commands::rename& c) {
    using how = commands::rename::how;
    auto from = parse(c.from);
    auto to = parse(c.to);
    if (from.names.empty())
      return errc::refused;
    auto old_parent = parent_of(c.from, from);
    if (!old_parent)
      return old_parent.error().code;
    auto source = entry_of(*old_parent, from.names.back());
    if (!source)
      return errc::not_found;
    if (to.names.empty())
      return errc::refused;
    auto new_parent = parent_of(c.to, to);
    if (!new_parent)
      return new_parent.error().code;
    auto target = entry_of(*new_parent, to.names.back());
    if (!are_mounted(c.keep_for))
      return errc::refused;
    if (nodes_.at(*new_parent).is.links == 0)
      return errc::not_found;
    auto is_directory = [&](inode_id id) { return nodes_.at(id).is.type == inode_type::directory; };
    auto slash = from.slash || to.slash;
    if ((slash && !is_directory(*source)) || is_below(*new_parent, *source))
      return errc::refused;
    if (target == source && c.mode != how::no_replace)
      return {};
    if (c.mode == how::exchange) {
      if (!target)
        return errc::not_found;
      if ((slash && !is_directory(*target)) || is_below(*old_parent, *target))
        return errc::refused;
      take_away(*old_parent, from.names.back());
      take_away(*new_parent, to.names.back());
      add(*old_parent, from.names.back(), *target);
      add(*new_parent, to.names.back(), *source);
      note_change(nodes_.at(*target).is);
      note_change(nodes_.at(*source).is);
      return {};
    }
    if (target && c.mode == how::no_replace)
      return errc::exists;
    if (target &&
        (is_directory(*source) != is_directory(*target) || !nodes_.at(*target).entries.empty()))
      return errc::refused;
    take_away(*old_parent, from.names.back());
    if (target)
      take_away(*new_parent, to.names.back());
    add(*new_parent, to.names.back(), *source);
    note_change(nodes_.at(*source).is);
    if (target)
      drop_name(*target, c.keep_for);
    return {};
  }

  verdict run(const commands::set_attributes& c) {
    auto found = find(c.where);
    if (!found)
      return found.error().code;
    auto& node = nodes_.at(*found);
    if (c.size_bytes && node.is.type != inode_type::file)
      return errc::refused;
    if (c.size_bytes) {
      node.content.resize(*c.size_bytes);
      node.is.mtime_ns = now_ns_;
      node.is.data_version = index_;
    }
    node.is.mode = c.mode.value_or(node.is.mode);
    node.is.uid = c.uid.value_or(node.is.uid);
    node.is.gid = c.gid.value_or(node.is.gid);
    node.is.atime_ns = c.now_atime ? now_ns_ : c.atime_ns.value_or(node.is.atime_ns);
    node.is.mtime_ns = c.now_mtime ? now_ns_ : c.mtime_ns.value_or(node.is.mtime_ns);
    if (c.drop_privileges)
      drop_privileges(node.is);
    note_change(node.is);
    return {};
  }

  verdict run(const commands::write& c) {
    auto found = find_file(c.where);
    if (!found)
      return found.error().code;
    auto& node = nodes_.at(*found);
    if (c.expected_data_version && *c.expected_data_version != node.is.data_version)
      return errc::refused;
    if (has_text(c.pieces) && takes_no_text(node.is.policy))
      return errc::refused;
    auto base = c.append ? node.content.size() : 0;
    auto end = c.pieces.empty() ? 0 : c.pieces.back().offset_bytes + c.pieces.back().length_bytes;
    auto written = cells_of(c.pieces, end);
    node.content.resize(std::max<std::size_t>(node.content.size(), base + end));
    for (const auto& part : c.pieces)
      std::copy_n(written.begin() + static_cast<std::ptrdiff_t>(part.offset_bytes),
                  part.length_bytes,
                  node.content.begin() + static_cast<std::ptrdiff_t>(base + part.offset_bytes));
    note_content(node.is);
    node.is.mtime_ns = c.mtime_ns.value_or(now_ns_);
    if (c.drop_privileges)
      drop_privileges(node.is);
    return {};
  }

  verdict run(const commands::clone_range& c) {
    auto from = find_file(c.from);
    if (!from)
      return from.error().code;
    auto to = find_file(c.to);
    if (!to)
      return to.error().code;
    auto& source = nodes_.at(*from).content;
    if (c.length_bytes == 0 || c.from_offset + c.length_bytes > source.size())
      return errc::invalid;
    auto overlap = c.from_offset < c.to_offset + c.length_bytes &&
                   c.to_offset < c.from_offset + c.length_bytes;
    if (*from == *to && overlap)
      return errc::invalid;
    auto first = source.begin() + static_cast<std::ptrdiff_t>(c.from_offset);
    std::vector<cell> range(first, first + static_cast<std::ptrdiff_t>(c.length_bytes));
    auto& node = nodes_.at(*to);
    auto text = std::ranges::any_of(range, [](auto& at) { return at.what == cell::kind::text; });
    if (text && takes_no_text(node.is.policy))
      return errc::refused;
    node.content.resize(std::max<std::size_t>(node.content.size(), c.to_offset + c.length_bytes));
    std::ranges::copy(range, node.content.begin() + static_cast<std::ptrdiff_t>(c.to_offset));
    note_content(node.is);
    return {};
  }

  verdict run(const commands::set_xattr& c) {
    using how = commands::set_xattr::how;
    auto found = find(c.where);
    if (!found)
      return found.error().code;
    auto& node = nodes_.at(*found);
    auto present = node.xattrs.contains(c.name);
    if (present && c.mode == how::create)
      return errc::exists;
    if (!present && c.mode == how::replace)
      return errc::not_found;
    node.xattrs[c.name] = c.value;
    note_change(node.is);
    return {};
  }

  verdict run(const commands::remove_xattr& c) {
    auto found = find(c.where);
    if (!found)
      return found.error().code;
    if (nodes_.at(*found).xattrs.erase(c.name) == 0)
      return errc::not_found;
    note_change(nodes_.at(*found).is);
    return {};
  }

  verdict run(const commands::set_policy& c) {
    auto found = find(c.where);
    if (!found)
      return found.error().code;
    auto& is = nodes_.at(*found).is;
    if (is.type != inode_type::directory || (c.policy == no_policy && *found == root_inode))
      return errc::refused;
    if (c.policy == is.policy || (c.only_first && is.policy != no_policy))
      return {};
    is.policy = c.policy;
    note_change(is);
    return {};
  }

  verdict run(const commands::begin_mount&) {
    mounts_.insert(++last_mount_);
    return {};
  }
  verdict run(const commands::end_mount& c) {
    if (mounts_.erase(c.mount) > 0) {
      std::vector<inode_id> all;
      for (auto& [id, node] : nodes_)
        all.push_back(id);
      release(c.mount, all);
    }
    return {};
  }
  verdict run(const commands::release& c) {
    release(c.mount, c.inodes);
    return {};
  }

 private:
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
    if (!nodes_.contains(id))
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
    if (nodes_.at(found->second).is.type == inode_type::directory)
      --from.is.links;
    from.entries.erase(found);
    --from.is.entries;
    note_content(from.is);
  }

  void drop_name(inode_id id, const std::vector<mount_id>& keep_for) {
    auto& node = nodes_.at(id);
    auto children = std::exchange(node.entries, {});
    node.is.links = node.is.type == inode_type::directory ? 0 : node.is.links - 1;
    note_change(node.is);
    if (node.is.links == 0 && children.empty())
      node.kept_by.insert(keep_for.begin(), keep_for.end());
    if (node.is.links == 0 && node.kept_by.empty())
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
        if (found->second.kept_by.erase(mount) > 0 && found->second.kept_by.empty())
          nodes_.erase(found);
  }

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
