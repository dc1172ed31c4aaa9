#include <atoll/core/new_folder.hpp>
#include <atoll/core/sync.hpp>

#include <system_error>

namespace atl {

namespace fs = std::filesystem;

namespace {

tl::unexpected<error> failed_to(const std::string& what, const std::error_code& why) {
  return tl::unexpected{system_error(why.value(), what)};
}

/// All files below a folder, and the folders themselves.
status sync_all(const fs::path& folder) {
  std::error_code failed;
  for (fs::recursive_directory_iterator it{folder, failed}, end; !failed && it != end;
       it.increment(failed))
    if (it->is_regular_file() || it->is_directory())
      if (auto synced = sync_to_disk(it->path()); !synced)
        return synced;
  if (failed)
    return failed_to("listing " + folder.string(), failed);
  return sync_to_disk(folder);
}

} // namespace

result<bool> is_nothing(const fs::path& folder) {
  std::error_code failed;
  auto found = fs::symlink_status(folder, failed);
  if (found.type() == fs::file_type::not_found)
    return true;
  if (failed)
    return failed_to("looking at " + folder.string(), failed);
  if (found.type() != fs::file_type::directory)
    return false;
  auto empty = fs::is_empty(folder, failed);
  if (failed)
    return failed_to("listing " + folder.string(), failed);
  return empty;
}

status make_folder(const fs::path& folder,
                   const std::function<status(const fs::path& beside)>& fill) {
  fs::path beside = folder.native() + ".new";
  std::error_code failed;
  fs::remove_all(beside, failed);
  if (failed)
    return failed_to("removing the unfinished " + beside.string(), failed);
  fs::create_directories(beside, failed);
  if (failed)
    return failed_to("making the folder " + beside.string(), failed);
  if (auto filled = fill(beside); !filled)
    return filled;
  if (auto synced = sync_all(beside); !synced)
    return synced;
  fs::rename(beside, folder, failed); // takes the place of an empty folder, too
  if (failed)
    return failed_to("renaming " + beside.string(), failed);
  return sync_to_disk(folder.parent_path());
}

} // namespace atl
