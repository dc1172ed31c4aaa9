#include "namespace/touch_rows.hpp"

#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"
#include "namespace/resolver.hpp"

#include <optional>

namespace dfs::state {

namespace {

/// The last two entries of a path, as far as they exist.
struct path_end {
  std::optional<dirent> parent;
  std::optional<dirent> last;
};

class toucher {
 public:
  explicit toucher(atl::row_reader& rows) : rows_{rows} {}

  void operator()(const commands::mkdir& command) { touch_path(command.path); }

  void operator()(const commands::put_file& command) {
    auto at = touch_path(command.path);
    if (auto* extents = std::get_if<commands::put_file::extent_list>(&command.content))
      for (auto& extent : *extents)
        touch(keys::chunk(extent.chunk.id));
    touch_replaced(at);
  }

  void operator()(const commands::rename& command) {
    touch_path(command.from);
    touch_replaced(touch_path(command.to));
  }

  void operator()(const commands::remove& command) { touch_replaced(touch_path(command.path)); }

  void operator()(const commands::relocate_chunk& command) { touch(keys::chunk(command.chunk)); }

  void operator()(const commands::register_storage&) {}
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

  path_end touch_path(std::string_view text) {
    auto path = parse_path(text);
    if (!path || path->is_root())
      return {};
    path_end at{std::nullopt, dirent{root_inode, inode_type::directory}};
    for (auto& name : path->names) {
      if (!at.last)
        return {};
      at = {at.last, touch_entry(at.last->id, name)};
    }
    if (at.parent)
      touch(keys::inode(at.parent->id));
    return at;
  }

  /// What a command reads to forget the file at the end of the path.
  void touch_replaced(const path_end& at) {
    if (!at.last)
      return;
    auto value = touch(keys::inode(at.last->id));
    inode gone;
    if (!value || !decode(*value, gone) || gone.type == inode_type::directory ||
        gone.extents > limits::reclaim_at_once_extents_max)
      return;
    auto prefix = keys::extents_of(at.last->id);
    rows_.scan(prefix, prefix, [this](std::string_view, std::string_view bytes) {
      extent gone_too;
      if (decode(bytes, gone_too))
        touch(keys::chunk(gone_too.chunk));
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
