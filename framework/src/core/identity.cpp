#include "identity_file.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/core/new_folder.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

std::map<std::string, std::string> groups_in(const nlohmann::json& identity) {
  std::map<std::string, std::string> groups;
  auto list = identity.find("groups");
  if (list != identity.end() && list->is_object())
    for (auto& [role, group] : list->items())
      if (group.is_string())
        groups.emplace(role, group.get<std::string>());
  return groups;
}

} // namespace

std::string random_uuid() {
  std::uint64_t bits[2] = {};
  if (::getrandom(bits, sizeof(bits), 0) != sizeof(bits))
    std::abort(); // can't happen: 16 bytes are returned whole once the kernel's pool is seeded
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

result<data_folder> data_folder::lock(const std::filesystem::path& folder,
                                      const data_owner& owner) {
  std::error_code problem;
  auto made = std::filesystem::create_directories(folder, problem);
  if (problem)
    return fail(errc::io,
                fmt::format("making the data folder {}: {}", folder.string(), problem.message()));
  data_folder taken;
  taken.path_ = std::filesystem::canonical(folder, problem);
  if (problem)
    return tl::unexpected{system_error(problem.value(), "finding the folder " + folder.string())};
  if (made)
    if (auto synced = sync_to_disk(taken.path_.parent_path()); !synced)
      return tl::unexpected{synced.error()};
  auto lock_file = taken.path_ / "lock";
  taken.lock_ = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (taken.lock_ < 0)
    return tl::unexpected{system_error(errno, "opening " + lock_file.string())};
  if (::flock(taken.lock_, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::refused, fmt::format("the data folder {} is in use by another process; stop "
                                           "it, or give this node a folder of its own",
                                           taken.path_.string()));
  taken.owner_ = owner;
  auto file = taken.path_ / identity_file_name;
  if (!std::filesystem::exists(file, problem)) {
    if (auto empty = check_no_data(taken.path_); !empty)
      return tl::unexpected{empty.error()};
    taken.uuid_ = random_uuid();
    if (auto written = taken.write_identity(); !written)
      return tl::unexpected{written.error()};
    return taken;
  }
  auto identity = read_identity_file(file);
  if (!identity)
    return tl::unexpected{identity.error()};
  auto& recorded = *identity;
  auto has_application = recorded.contains("application") && recorded["application"].is_string();
  if (auto ours = check_owner(recorded, owner, taken.path_); !ours)
    return tl::unexpected{ours.error()};
  taken.uuid_ = (*identity)["uuid"].get<std::string>();
  taken.group_ = group_in(*identity);
  taken.groups_ = groups_in(*identity);
  taken.parts_ = parts_in(*identity);
  if (!has_application)
    if (auto written = taken.write_identity(); !written)
      return tl::unexpected{written.error()};
  return taken;
}

status data_folder::put_aside() {
  if (auto moved = move_content_aside(path_, uuid_); !moved)
    return moved;
  uuid_ = random_uuid();
  group_.clear();
  groups_.clear();
  parts_.clear();
  return write_identity();
}

status data_folder::write_identity() const {
  nlohmann::json identity{{"application", owner_.application},
                          {"cluster", owner_.cluster},
                          {"node", owner_.node},
                          {"uuid", uuid_}};
  if (!group_.empty())
    identity["group"] = group_;
  if (!groups_.empty())
    identity["groups"] = groups_;
  if (!parts_.empty())
    identity["parts"] = parts_;
  return write_identity_file(path_ / identity_file_name, identity);
}

status data_folder::join_group(const std::string& group) {
  if (group == group_)
    return {};
  auto before = std::exchange(group_, group);
  auto written = write_identity();
  if (!written)
    group_ = before;
  return written;
}

status data_folder::check_part(const std::string& part) const {
  if (!parts_.contains(part))
    return {};
  auto gone = is_nothing(path_ / part);
  if (!gone)
    return tl::unexpected{gone.error()};
  if (*gone)
    return fail(
        errc::refused,
        fmt::format("the data folder {} held the folder '{}', which is gone or empty now: if "
                    "it is on a disk of its own, mount that; if it is lost, start this node "
                    "once with --new-disk, and {}",
                    path_.string(), part, owner_.replace_advice));
  return {};
}

status data_folder::note_part(const std::string& part) {
  if (!parts_.insert(part).second)
    return {};
  auto written = write_identity();
  if (!written)
    parts_.erase(part);
  return written;
}

std::string data_folder::group_of(const std::string& role) const {
  auto known = groups_.find(role);
  return known == groups_.end() ? std::string{} : known->second;
}

std::set<std::string> data_folder::groups() const {
  std::set<std::string> all;
  for (auto& [role, group] : groups_)
    all.insert(group);
  return all;
}

status data_folder::note_group(const std::string& role, const std::string& group,
                               const std::set<std::string>& parts,
                               const std::set<std::string>& former) {
  auto before = std::pair{groups_, parts_};
  groups_[role] = group;
  for (auto& part : former)
    parts_.erase(part);
  parts_.insert(parts.begin(), parts.end());
  auto written = write_identity();
  if (!written)
    std::tie(groups_, parts_) = before;
  return written;
}

result<std::string> group_of_folder(const std::filesystem::path& folder) {
  std::error_code problem;
  if (!std::filesystem::exists(folder / identity_file_name, problem))
    return std::string{};
  auto identity = read_identity_file(folder / identity_file_name);
  if (!identity)
    return tl::unexpected{identity.error()};
  return group_in(*identity);
}

data_folder::data_folder(data_folder&& other) noexcept {
  *this = std::move(other);
}

data_folder& data_folder::operator=(data_folder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(owner_, other.owner_);
  std::swap(uuid_, other.uuid_);
  std::swap(group_, other.group_);
  std::swap(groups_, other.groups_);
  std::swap(parts_, other.parts_);
  std::swap(lock_, other.lock_);
  return *this;
}

data_folder::~data_folder() {
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace atl
