#pragma once

#include "model_tree.hpp"

namespace names {

/// A reference for the name space, written from the rules of POSIX rather than from its sources.
class model : public model_tree {
 public:
  /// The code of the error that must be answered, or none.
  using verdict = std::optional<errc>;

  using model_tree::model_tree;

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
      remove_name(*replaced, parent, c.where, {});
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
    auto parent = *parent_of(c.where, path);
    take_away(parent, path.names.back());
    remove_name(*gone, parent, c.where, c.keep_for);
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
      remove_name(*target, *new_parent, c.to, c.keep_for);
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

  verdict run(const commands::replace_chunk& c) {
    auto found = nodes_.find(c.inode);
    if (found == nodes_.end() || found->second.is.type != inode_type::file)
      return errc::not_found;
    auto& content = found->second.content;
    auto end = std::min<std::uint64_t>(content.size(), c.offset_bytes + c.length_bytes);
    auto has_any = c.to.empty();
    for (auto at = c.offset_bytes; at < end; ++at)
      if (auto& it = content[at]; it.what == cell::kind::chunk && it.chunk == c.from.random) {
        has_any = true;
        if (!c.to.empty())
          it.chunk = c.to.front().id.random;
      }
    if (!has_any)
      return errc::not_found;
    found->second.is.policy = c.policy;
    found->second.is.version = index_;
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

  verdict run(const commands::restore& c) {
    auto found = nodes_.find(c.inode);
    if (found == nodes_.end() || !found->second.trash)
      return errc::not_found;
    auto where = c.to.value_or(found->second.trash->from);
    auto path = parse(where);
    if (!reach(where.at))
      return errc::not_found;
    auto at = where.at;
    std::size_t depth = 0;
    for (; depth < path.names.size(); ++depth) {
      if (nodes_.at(at).is.type != inode_type::directory)
        return errc::refused;
      auto next = entry_of(at, path.names[depth]);
      if (!next)
        break;
      at = *next;
    }
    if (depth == path.names.size())
      return errc::exists;
    auto is_directory = found->second.is.type == inode_type::directory;
    if (path.slash && !is_directory)
      return errc::invalid;
    if (nodes_.at(at).is.links == 0)
      return errc::not_found;
    if (is_directory && is_below(at, c.inode))
      return errc::refused;
    commands::make parents;
    parents.inode.uid = c.uid;
    parents.inode.gid = c.gid;
    for (; depth + 1 < path.names.size(); ++depth)
      at = insert(at, path.names[depth], inode_type::directory, c.parents_mode, parents);
    auto& node = nodes_.at(c.inode);
    node.trash.reset();
    node.is.links = is_directory ? 2 : 1;
    for (const auto& [_, child] : node.entries)
      node.is.links += nodes_.at(child).is.type == inode_type::directory;
    note_change(node.is);
    add(at, path.names.back(), c.inode);
    return {};
  }

  verdict run(const commands::discard& c) {
    for (auto id : c.inodes)
      if (auto found = nodes_.find(id); found != nodes_.end() && found->second.trash)
        discard(id);
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
};

} // namespace names
