#include "namespace/touch_rows.hpp"

#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"
#include "namespace/resolver.hpp"

#include <optional>

namespace dfs::state {

namespace {

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

  /// The rows of all names, and of the inode of the deepest directory: that changes.
  /// @returns what the path names; none: it doesn't exist
  std::optional<dirent> touch_path(std::string_view text) {
    auto path = parse_path(text);
    if (!path || path->is_root())
      return {};
    dirent directory{root_inode, inode_type::directory};
    std::optional<dirent> last;
    for (auto& name : path->names) {
      directory = last.value_or(directory);
      last = touch_entry(directory.id, name);
      if (!last)
        break;
    }
    touch(keys::inode(directory.id));
    return last;
  }

  /// What a command reads to forget the file at the end of the path.
  void touch_replaced(const std::optional<dirent>& at) {
    if (!at)
      return;
    auto value = touch(keys::inode(at->id));
    inode gone;
    if (!value || !decode(*value, gone) || gone.type == inode_type::directory ||
        gone.extents > limits::reclaim_at_once_extents_max)
      return;
    auto prefix = keys::extents_of(at->id);
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
