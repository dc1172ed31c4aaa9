#include "namespace/touch_rows.hpp"

#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"
#include "namespace/records.hpp"

#include <optional>

namespace dfs::state {

namespace {

/// What exists of a path.
struct path_end {
  std::optional<dirent> parent; ///< the deepest directory
  std::optional<dirent> last;   ///< what the path names
};

class toucher {
 public:
  explicit toucher(atl::row_reader& rows) : rows_{rows} {}

  void operator()(const commands::make& command) {
    auto at = touch_path(command.where);
    touch_chunks(command.content);
    if (at.parent)
      touch_policy_of(at.parent->id);
    touch_reclaimed(at.last);
  }

  void operator()(const commands::link& command) {
    touch_inode(touch_path(command.from).last);
    touch_path(command.to);
  }

  void operator()(const commands::unlink& command) {
    auto at = touch_path(command.where);
    if (at.parent)
      touch_policy_of(at.parent->id);
    touch_reclaimed(at.last);
  }

  void operator()(const commands::rename& command) {
    touch_inode(touch_path(command.from).last);
    auto to = touch_path(command.to);
    if (to.parent) {
      touch_ancestors(to.parent->id);
      touch_policy_of(to.parent->id);
    }
    touch_reclaimed(to.last);
  }

  void operator()(const commands::set_attributes& command) {
    touch_inode(touch_path(command.where).last);
  }

  void operator()(const commands::write& command) {
    touch_inode(touch_path(command.where).last);
    touch_chunks(command.pieces);
  }

  void operator()(const commands::clone_range& command) {
    touch_inode(touch_path(command.from).last);
    touch_inode(touch_path(command.to).last);
  }

  void operator()(const commands::set_xattr& command) {
    touch_xattr(touch_path(command.where).last, command.name);
  }

  void operator()(const commands::remove_xattr& command) {
    touch_xattr(touch_path(command.where).last, command.name);
  }

  void operator()(const commands::set_policy& command) {
    touch_inode(touch_path(command.where).last);
    touch(keys::policy(command.policy));
  }

  void operator()(const commands::relocate& command) {
    for (auto& move : command.moves) {
      touch(keys::chunk(move.chunk));
      touch_storage(move.to);
    }
  }

  void operator()(const commands::release& command) {
    for (auto inode : command.inodes) {
      touch(keys::held_by(command.mount, inode));
      touch(keys::inode(inode));
    }
  }

  void operator()(const commands::restore& command) { touch_inode(command.inode); }
  void operator()(const commands::discard& command) {
    for (auto inode : command.inodes)
      touch_inode(inode);
  }

  void operator()(const commands::replace_chunk& command) {
    touch_inode(command.inode);
    touch(keys::chunk(command.from));
    touch(keys::policy(command.policy));
    for (auto& chunk : command.to)
      touch_chunk(chunk);
  }

  void operator()(const commands::batch& command) {
    for (auto& single : command.actions)
      std::visit(*this, single);
  }
  void operator()(const single_action& single) { std::visit(*this, single); }

  // These are rare, or go through queues.
  void operator()(const commands::define_policy&) {}
  void operator()(const commands::register_storage&) {}
  void operator()(const commands::set_storage&) {}
  void operator()(const commands::configure&) {}
  void operator()(const commands::begin_mount&) {}
  void operator()(const commands::end_mount&) {}
  void operator()(const commands::collect_garbage&) {}

 private:
  std::optional<std::string> touch(const std::string& key) {
    std::string value;
    return rows_.get(key, value) ? std::optional{std::move(value)} : std::nullopt;
  }

  std::optional<dirent> touch_entry(inode_id parent, std::string_view name) {
    auto value = touch(keys::entry(parent, name));
    dirent found;
    return value && decode(*value, found) ? std::optional{found} : std::nullopt;
  }

  std::optional<inode> touch_inode(inode_id id) {
    auto value = touch(keys::inode(id));
    inode found;
    return value && decode(*value, found) ? std::optional{found} : std::nullopt;
  }
  void touch_inode(const std::optional<dirent>& entry) {
    if (entry)
      touch_inode(entry->id);
  }

  path_end touch_path(const place& where) {
    auto path = parse_path(where);
    if (!path)
      return {};
    if (path->names.empty() || path->at != root_inode)
      touch_inode(path->at);
    path_end at{std::nullopt, dirent{path->at, inode_type::directory}};
    for (auto& name : path->names) {
      if (!at.last)
        break;
      at = {at.last, touch_entry(at.last->id, name)};
    }
    touch_inode(at.parent);
    return at;
  }

  void touch_storage(storage_id node) {
    if (node != no_storage)
      touch(keys::storage(node));
  }
  void touch_chunk(const chunk_record& chunk) {
    touch(keys::chunk(chunk.id));
    touch(keys::policy(chunk.policy));
    for (auto node : chunk.nodes)
      touch_storage(node);
  }
  void touch_chunks(const std::vector<piece>& pieces) {
    for (auto& part : pieces)
      if (auto* stored = std::get_if<chunk_part>(&part.content))
        touch_chunk(stored->chunk);
  }

  void touch_xattr(const std::optional<dirent>& entry, std::string_view name) {
    touch_inode(entry);
    if (entry)
      touch(keys::xattr(entry->id, name));
  }

  /// The inodes from a directory up to the first one with a policy, and the policy.
  void touch_policy_of(inode_id directory) {
    for (auto at = directory; at != 0;) {
      auto found = touch_inode(at);
      if (!found)
        return;
      if (found->policy != no_policy) {
        touch(keys::policy(found->policy));
        return;
      }
      at = found->parent;
    }
  }

  void touch_ancestors(inode_id directory) {
    for (auto at = directory; at != 0;)
      at = touch_inode(at).value_or(inode{}).parent;
  }

  /// What a command reads to forget what an entry names.
  void touch_reclaimed(const std::optional<dirent>& entry) {
    if (!entry)
      return;
    auto gone = touch_inode(entry->id);
    if (!gone || gone->links > 1 || gone->type == inode_type::directory ||
        gone->extents > limits::reclaim_at_once_extents_max)
      return;
    auto prefix = keys::extents_of(entry->id);
    rows_.scan(prefix, prefix, [this](std::string_view, std::string_view bytes) {
      extent gone_too;
      if (decode(bytes, gone_too))
        if (auto* part = std::get_if<extent::part>(&gone_too.content))
          touch(keys::chunk(part->chunk));
      return true;
    });
  }

  atl::row_reader& rows_;
};

} // namespace

void touch_rows(atl::row_reader& rows, const action& action) {
  std::visit(toucher{rows}, action);
}

} // namespace dfs::state
