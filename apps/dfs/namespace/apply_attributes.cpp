#include "namespace/apply.hpp"
#include "namespace/attributes.hpp"
#include "namespace/content.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using atl::status;

namespace {

constexpr std::uint16_t set_user_id = 04000;
constexpr std::uint16_t set_group_id = 02000;
constexpr std::uint16_t group_may_execute = 00010;

status check(const commands::set_attributes& command, const dirent& found) {
  auto invalid = [&](std::string_view why) {
    return fail(errc::invalid, fmt::format("can't change {}: {}", in_quotes(command.where), why));
  };
  if (command.mode.value_or(0) > 07777)
    return invalid("a mode has 12 bits");
  if ((command.now_atime && command.atime_ns) || (command.now_mtime && command.mtime_ns))
    return invalid("a time is either given or the present one");
  if (command.size_bytes && found.type != inode_type::file)
    return fail(errc::refused, fmt::format("can't change the size of {}: it is a {}",
                                           in_quotes(command.where), name_of(found.type)));
  if (command.size_bytes.value_or(0) > limits::file_bytes_max)
    return invalid(fmt::format("a file has at most {} bytes", limits::file_bytes_max));
  return {};
}

void set_size(state_transaction& state, inode_id id, inode& file, std::uint64_t size_bytes) {
  if (size_bytes < file.size_bytes)
    clear_range(state, id, file, size_bytes, file.size_bytes);
  state.meta().bytes += size_bytes - file.size_bytes;
  file.size_bytes = size_bytes;
  file.mtime_ns = state.time_ns();
  file.data_version = state.index();
}

bool is_xattr_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::xattr_name_bytes_max &&
         name.find('\0') == name.npos;
}

std::uint32_t cost_of(std::string_view name, std::string_view value) {
  return static_cast<std::uint32_t>(name.size() + value.size() + limits::xattr_overhead_bytes);
}

} // namespace

void drop_privileges(inode& of) {
  of.mode &= static_cast<std::uint16_t>(~set_user_id);
  if (of.mode & group_may_execute)
    of.mode &= static_cast<std::uint16_t>(~set_group_id);
}

result<changed> run(state_transaction& state, const commands::set_attributes& command) {
  auto found = resolve(state, command.where);
  if (!found)
    return tl::unexpected{found.error()};
  if (auto ok = check(command, *found); !ok)
    return tl::unexpected{ok.error()};
  auto inode = state.must_inode(found->id);
  if (command.size_bytes)
    set_size(state, found->id, inode, *command.size_bytes);
  inode.mode = command.mode.value_or(inode.mode);
  inode.uid = command.uid.value_or(inode.uid);
  inode.gid = command.gid.value_or(inode.gid);
  inode.atime_ns = command.now_atime ? state.time_ns() : command.atime_ns.value_or(inode.atime_ns);
  inode.mtime_ns = command.now_mtime ? state.time_ns() : command.mtime_ns.value_or(inode.mtime_ns);
  if (command.drop_privileges)
    drop_privileges(inode);
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  state.put_inode(found->id, inode);
  return changed{found->id, state.index(), state.time_ns()};
}

result<changed> run(state_transaction& state, const commands::set_xattr& command) {
  auto found = resolve(state, command.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto refuse = [&](errc code, std::string_view why) {
    return fail(code, fmt::format("can't set attribute {} of {}: {}", in_quotes(command.name),
                                  in_quotes(command.where), why));
  };
  if (!is_xattr_name(command.name))
    return refuse(errc::invalid, fmt::format("a name has 1 to {} bytes without NUL",
                                             limits::xattr_name_bytes_max));
  if (command.value.size() > limits::xattr_value_bytes_max)
    return refuse(errc::invalid, fmt::format("it has {} bytes, at most {} are possible",
                                             command.value.size(), limits::xattr_value_bytes_max));
  auto present = state.find_xattr(found->id, command.name);
  if (present && command.mode == commands::set_xattr::how::create)
    return refuse(errc::exists, "it exists");
  if (!present && command.mode == commands::set_xattr::how::replace)
    return refuse(errc::not_found, "it doesn't exist");
  auto inode = state.must_inode(found->id);
  auto bytes = inode.xattr_bytes - (present ? cost_of(command.name, *present) : 0) +
               cost_of(command.name, command.value);
  if (bytes > limits::xattrs_bytes_max)
    return refuse(errc::refused,
                  fmt::format("all attributes together may take {} bytes, {} for "
                              "each besides its name and value",
                              limits::xattrs_bytes_max, limits::xattr_overhead_bytes));
  inode.xattr_bytes = bytes;
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  state.put(keys::xattr(found->id, command.name), encode_bytes(command.value));
  state.put_inode(found->id, inode);
  return changed{found->id, state.index(), state.time_ns()};
}

result<changed> run(state_transaction& state, const commands::remove_xattr& command) {
  auto found = resolve(state, command.where);
  if (!found)
    return tl::unexpected{found.error()};
  auto present =
      is_xattr_name(command.name) ? state.find_xattr(found->id, command.name) : std::nullopt;
  if (!present)
    return fail(errc::not_found, fmt::format("{} has no attribute {}", in_quotes(command.where),
                                             in_quotes(command.name)));
  auto inode = state.must_inode(found->id);
  inode.xattr_bytes -= cost_of(command.name, *present);
  inode.ctime_ns = state.time_ns();
  inode.version = state.index();
  state.erase(keys::xattr(found->id, command.name));
  state.put_inode(found->id, inode);
  return changed{found->id, state.index(), state.time_ns()};
}

} // namespace dfs::state
