#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <filesystem>
#include <mutex>
#include <string>

namespace atl::node {

/// The data folder of a node, which its roles share. Thread-safe; the functions are those of
/// `data_folder`.
class node_folder {
 public:
  explicit node_folder(data_folder folder) : folder_{std::move(folder)} {}

  const std::filesystem::path& path() const { return folder_.path(); }
  const std::string& uuid() const { return folder_.uuid(); }

  std::string group() const {
    std::lock_guard lock{mutex_};
    return folder_.group();
  }
  status join_group(const std::string& group) {
    std::lock_guard lock{mutex_};
    return folder_.join_group(group);
  }
  status check_part(const std::string& part) const {
    std::lock_guard lock{mutex_};
    return folder_.check_part(part);
  }
  status note_part(const std::string& part) {
    std::lock_guard lock{mutex_};
    return folder_.note_part(part);
  }
  /// Calls `use` with the folder while no other thread uses it. @returns what `use` returns
  template <class Use>
  auto with(Use use) {
    std::lock_guard lock{mutex_};
    return use(folder_);
  }

 private:
  mutable std::mutex mutex_;
  data_folder folder_;
};

} // namespace atl::node
