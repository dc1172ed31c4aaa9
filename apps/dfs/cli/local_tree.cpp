#include "cli/local_tree.hpp"

#include "cli/local_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <vector>

namespace dfs::cli {

namespace {

using atl::errc;

struct folder_identity {
  dev_t device;
  ino_t inode;
  friend bool operator==(const folder_identity&, const folder_identity&) = default;
};

struct folder_closer {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

/// All names in a folder at once, because a folder that stays open during the walk below it would
/// cost a descriptor for each level.
atl::result<std::vector<std::string>> names_in(const std::string& folder) {
  std::unique_ptr<DIR, folder_closer> open{::opendir(folder.c_str())};
  if (!open)
    return tl::unexpected{atl::system_error(errno, "opening the folder " + folder)};
  std::vector<std::string> names;
  errno = 0;
  while (auto* entry = ::readdir(open.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..")
      names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0)
    return tl::unexpected{atl::system_error(errno, "reading the folder " + folder)};
  std::sort(names.begin(), names.end());
  return names;
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.ends_with('/') ? folder + name : folder + '/' + name;
}

class tree_walk {
 public:
  explicit tree_walk(const tree_visitor& visitor) : visitor_{visitor} {}

  void begin(const std::string& folder) {
    struct stat found {};
    if (::stat(folder.c_str(), &found) != 0)
      return visitor_.problem(atl::system_error(errno, "looking at " + folder));
    walk_folder(folder, {}, {found.st_dev, found.st_ino});
  }

 private:
  void walk_folder(const std::string& path, const std::string& relative, folder_identity self) {
    if (std::find(ancestors_.begin(), ancestors_.end(), self) != ancestors_.end())
      return visitor_.problem(
          {errc::refused,
           fmt::format("left out {}: it is a symbolic link to a folder that it is in", path)});
    auto names = names_in(path);
    if (!names)
      return visitor_.problem(names.error());
    if (!visitor_.folder(relative))
      return;
    ancestors_.push_back(self);
    for (auto& name : *names) {
      if (visitor_.stop())
        break;
      walk_entry(join(path, name), join(relative, name));
    }
    ancestors_.pop_back();
  }

  void walk_entry(const std::string& path, const std::string& relative) {
    struct stat found {};
    auto looked =
        visitor_.follows_links ? ::stat(path.c_str(), &found) : ::lstat(path.c_str(), &found);
    if (looked != 0) {
      auto problem = errno;
      return visitor_.problem(atl::system_error(
          problem, (is_link(path) ? "following the symbolic link " : "looking at ") + path));
    }
    if (S_ISDIR(found.st_mode))
      walk_folder(path, relative, {found.st_dev, found.st_ino});
    else if (S_ISREG(found.st_mode))
      visitor_.file(path, relative, static_cast<std::uint64_t>(found.st_size));
    else
      visitor_.other(path, relative);
  }

  const tree_visitor& visitor_;
  std::vector<folder_identity>
      ancestors_; ///< the folders on the path of the walk, the outermost first
};

} // namespace

void walk_tree(const std::string& folder, const tree_visitor& visitor) {
  tree_walk{visitor}.begin(folder);
}

} // namespace dfs::cli
