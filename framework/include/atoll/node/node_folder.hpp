#pragma once

#include <atoll/core/data_disks.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <cstddef>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace atl::node {

/// The data folder of a node, which its roles share, or its data folders on several disks.
/// Each function means what the function of that name means in `data_folder` or `data_disks`.
/// Thread-safe.
class node_folder {
 public:
  explicit node_folder(data_folder folder) : path_{folder.path()}, folder_{std::move(folder)} {}
  explicit node_folder(data_disks disks) : folder_{std::move(disks)} {
    for (auto& disk : std::get<data_disks>(folder_).all())
      if (path_.empty() && disk.is_used())
        path_ = disk.path;
  }

  /// Of several folders the first one in use.
  const std::filesystem::path& path() const { return path_; }
  const std::string& uuid() const {
    return std::visit([](auto& of) -> const std::string& { return of.uuid(); }, folder_);
  }

  std::string group() const {
    std::lock_guard lock{mutex_};
    return std::visit([](auto& of) { return of.group(); }, folder_);
  }
  status join_group(const std::string& group) {
    std::lock_guard lock{mutex_};
    return std::visit([&](auto& of) { return of.join_group(group); }, folder_);
  }

  bool has_several_disks() const { return std::holds_alternative<data_disks>(folder_); }

  // -- of a single folder; @pre !has_several_disks()
  status check_part(const std::string& part) const {
    std::lock_guard lock{mutex_};
    return std::get<data_folder>(folder_).check_part(part);
  }
  status note_part(const std::string& part) {
    std::lock_guard lock{mutex_};
    return std::get<data_folder>(folder_).note_part(part);
  }
  /// Calls `use` with the folder while no other thread uses it. @returns what `use` returns
  template <class Use>
  auto with(Use use) {
    std::lock_guard lock{mutex_};
    return use(std::get<data_folder>(folder_));
  }

  // -- of several disks, each by its place in `disks()`; @pre has_several_disks()
  std::vector<data_disk> disks() const {
    std::lock_guard lock{mutex_};
    return std::get<data_disks>(folder_).all();
  }
  status check_part(std::size_t disk, const std::string& part) const {
    std::lock_guard lock{mutex_};
    return std::get<data_disks>(folder_).check_part(disk, part);
  }
  status note_part(std::size_t disk, const std::string& part) {
    std::lock_guard lock{mutex_};
    return std::get<data_disks>(folder_).note_part(disk, part);
  }
  status forget_part(std::size_t disk, const std::string& part) {
    std::lock_guard lock{mutex_};
    return std::get<data_disks>(folder_).forget_part(disk, part);
  }

 private:
  mutable std::mutex mutex_;
  std::filesystem::path path_;
  std::variant<data_folder, data_disks> folder_;
};

} // namespace atl::node
