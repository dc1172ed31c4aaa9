#include "state_database.hpp"

#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>

#include <system_error>

// The files of a database as a whole.
namespace atl {

namespace fs = std::filesystem;

namespace {

/// The folder of the former database while it is being replaced.
fs::path replaced(const fs::path& folder) {
  return folder.native() + ".replaced";
}

} // namespace

status finish_replacing(const fs::path& folder, const service_info& service) {
  std::error_code failed;
  if (!fs::exists(replaced(folder), failed))
    return {};
  if (fs::exists(folder, failed))
    fs::remove_all(replaced(folder), failed);
  else
    fs::rename(replaced(folder), folder, failed);
  if (failed)
    return fail(system_error(failed.value(), fmt::format("'{}'", replaced(folder).native())),
                fmt::format("can't finish replacing the {}", service.title));
  return {};
}

status check_tables(const fs::path& folder, const service_info& service) {
  rocksdb::ReadOptions how;
  how.readahead_size = std::size_t{2} << 20;
  std::error_code failed;
  for (fs::directory_iterator it{folder, failed}, end; !failed && it != end; it.increment(failed)) {
    if (it->path().extension() != ".sst")
      continue;
    rocksdb::SstFileReader table{rocksdb::Options{}};
    auto read = table.Open(it->path().native());
    if (read.ok())
      read = table.VerifyChecksum(how);
    if (!read.ok())
      return tl::unexpected{to_error(read, service)};
  }
  if (failed)
    return fail(system_error(failed.value(), fmt::format("'{}'", folder.native())),
                "can't check a snapshot");
  return {};
}

status replace_database(const fs::path& folder, const fs::path& from, const service_info& service) {
  std::error_code failed;
  fs::rename(folder, replaced(folder), failed);
  if (!failed)
    fs::rename(from, folder, failed);
  if (failed) {
    auto problem = system_error(failed.value(), fmt::format("'{}'", folder.native()));
    return finish_replacing(folder, service)
               ? fail(problem, fmt::format("can't replace the {}", service.title))
               : tl::unexpected{problem};
  }
  if (auto synced = sync_to_disk(folder.parent_path()); !synced)
    return synced;
  return finish_replacing(folder, service);
}

} // namespace atl
