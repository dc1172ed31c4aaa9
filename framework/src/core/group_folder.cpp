#include <atoll/core/damaged_state.hpp>
#include <atoll/core/group_folder.hpp>
#include <atoll/core/new_folder.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr const char* groups_name = "groups";
/// Where releases before groups had folders keep the log. It stays noted as a part that held data,
/// so that such a release refuses to start rather than begin an empty log, without the promises.
constexpr const char* former_log_part = "log";

std::string part_of(const std::string& group, const char* name) {
  return fmt::format("{}/{}/{}", groups_name, group, name);
}

std::set<std::string> parts_of(const std::string& group) {
  return {part_of(group, "log"), part_of(group, "state")};
}

status make_durable_folder(const fs::path& folder) {
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem)
    return fail(errc::io,
                fmt::format("making the folder {}: {}", folder.string(), problem.message()));
  if (auto synced = sync_to_disk(folder.parent_path()); !synced)
    return synced;
  return sync_to_disk(folder.parent_path().parent_path());
}

/// The group that a log of the former layout is bound to; empty: none.
result<std::string> bound_group(const fs::path& log_folder) {
  auto log = record_log::open(log_folder, 0);
  if (!log)
    return tl::unexpected{log.error()};
  auto bound = (*log)->read_binding();
  if (!bound)
    return tl::unexpected{bound.error()};
  return *bound ? (*bound)->birth.group : std::string{};
}

/// Moves a folder if it is at its former place.
status move_part(const fs::path& from, const fs::path& to) {
  std::error_code problem;
  auto nothing = is_nothing(from);
  if (!nothing)
    return tl::unexpected{nothing.error()};
  if (*nothing) { // perhaps the empty folder on which a disk was mounted
    fs::remove(from, problem);
    return {};
  }
  fs::rename(from, to, problem);
  if (problem)
    return fail(errc::refused,
                fmt::format("{} belongs at {} now, and moving it there failed ({}); if it is on a "
                            "disk of its own, mount that at the new place, then start again",
                            from.string(), to.string(), problem.message()));
  if (auto synced = sync_to_disk(to.parent_path()); !synced)
    return synced;
  return sync_to_disk(from.parent_path());
}

} // namespace

group_folder group_folder_in(const data_folder& folder, const std::string& group) {
  auto base = folder.path() / groups_name / group;
  return {base / "log", base / "state", base / "snapshots", base / "damage",
          base / "state.damaged"};
}

result<group_folder> make_group_folder(const data_folder& folder, const std::string& group) {
  auto known = folder.groups();
  std::vector<fs::path> leftovers;
  std::error_code problem;
  for (auto& entry : fs::directory_iterator{folder.path() / groups_name, problem})
    if (auto name = entry.path().filename().string();
        !known.contains(name) && name != "lost+found" && !name.starts_with('.'))
      leftovers.push_back(entry.path());
  problem.clear();
  for (auto& leftover : leftovers)
    if (fs::remove_all(leftover, problem); problem)
      return fail(errc::io, fmt::format("removing {}, which no replica used: {}", leftover.string(),
                                        problem.message()));
  auto made = group_folder_in(folder, group);
  if (auto durable = make_durable_folder(made.log.parent_path()); !durable)
    return tl::unexpected{durable.error()};
  return made;
}

status note_group_folder(data_folder& folder, const std::string& role, const std::string& group) {
  return folder.group_of(role) == group
             ? status{}
             : folder.note_group(role, group, {part_of(group, "log"), former_log_part});
}

status note_group_state(data_folder& folder, const std::string& role) {
  return folder.note_part(part_of(folder.group_of(role), "state"));
}

status check_group_folder(const data_folder& folder, const std::string& role) {
  auto group = folder.group_of(role);
  auto is_rebuilt = !noted_damage(group_folder_in(folder, group)).empty();
  for (auto& part : parts_of(group))
    if (auto there = folder.check_part(part); !there)
      if (!is_rebuilt || part == part_of(group, "log"))
        return there;
  return {};
}

/// The identity names the new places before the first folder is moved: the next start then moves
/// the rest.
status adopt_former_layout(data_folder& folder, const std::string& role,
                           const std::string& former_state) {
  auto& base = folder.path();
  auto former_log = base / "log";
  auto group = folder.group_of(role);
  if (group.empty()) {
    for (auto* part : {former_log_part, former_state.c_str()})
      if (auto there = folder.check_part(part); !there)
        return there;
    auto is_new = is_nothing(former_log);
    if (!is_new)
      return tl::unexpected{is_new.error()};
    if (*is_new)
      return {};
    auto bound = bound_group(former_log);
    if (!bound)
      return tl::unexpected{bound.error()};
    if (bound->empty()) { // it has promised nothing
      std::error_code problem;
      fs::remove_all(former_log, problem);
      return problem ? fail(errc::io, fmt::format("removing the empty log {}: {}",
                                                  former_log.string(), problem.message()))
                     : status{};
    }
    group = *bound;
    auto made = make_group_folder(folder, group);
    if (!made)
      return tl::unexpected{made.error()};
    auto no_state = is_nothing(base / former_state);
    if (!no_state)
      return tl::unexpected{no_state.error()};
    std::set<std::string> parts{part_of(group, "log")};
    if (!*no_state) // a start that a crash interrupted had bound the log, and made no state yet
      parts.insert(part_of(group, "state"));
    parts.insert(former_log_part);
    if (auto noted = folder.note_group(role, group, parts, {former_state}); !noted)
      return noted;
  }
  auto now = group_folder_in(folder, group);
  for (auto& [from, to] :
       {std::pair{base / former_state, now.state}, std::pair{base / "snapshots", now.snapshots},
        std::pair{former_log, now.log}})
    if (auto moved = move_part(from, to); !moved)
      return moved;
  return {};
}

} // namespace atl
