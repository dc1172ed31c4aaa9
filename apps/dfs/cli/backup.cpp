#include "cli/backup.hpp"

#include "cli/output.hpp"
#include "cli/temporary_file.hpp"
#include "common/backup_protocol.hpp"

#include <atoll/core/state/state_backup.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>
#include <unistd.h>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using protocol::backup_phase;

constexpr auto poll_interval = std::chrono::milliseconds{100};
/// A backup begins again when another master takes the lead meanwhile.
constexpr int attempts_max = 3;
/// Names of files, but for root, aren't everybody's to see.
constexpr mode_t file_mode = 0600;

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

atl::status write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return tl::unexpected{atl::system_error(errno, "writing the backup")};
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

/// Fetches one block after the other. Errors: unavailable if the masters gave the backup up.
atl::status fetch_backup(control& masters, int file) {
  protocol::backup_request wanted{random_number(), 0};
  for (;;) {
    auto state = masters.call(protocol::kind::backup_names, encode(wanted))
                     .and_then(protocol::decode_backup_state);
    if (!state)
      return tl::unexpected{state.error()};
    switch (state->phase) {
    case backup_phase::waiting:
    case backup_phase::copying:
      std::this_thread::sleep_for(poll_interval);
      continue;
    case backup_phase::failed:
      return fail(errc::unavailable, "no backup was made: " + state->failure);
    case backup_phase::block:
    case backup_phase::last:
      break;
    }
    if (auto written = write_all(file, state->bytes); !written)
      return written;
    if (state->phase == backup_phase::last)
      return {};
    ++wanted.block;
  }
}

atl::status fetch_with_patience(control& masters, int file) {
  for (int attempt = 1;; ++attempt) {
    auto fetched = fetch_backup(masters, file);
    auto is_over = fetched || fetched.error().code != errc::unavailable || attempt == attempts_max;
    if (is_over)
      return fetched;
    if (::ftruncate(file, 0) != 0 || ::lseek(file, 0, SEEK_SET) != 0)
      return tl::unexpected{atl::system_error(errno, "writing the backup")};
  }
}

/// The file before it has its name.
std::filesystem::path path_of(int file) {
  return fmt::format("/proc/self/fd/{}", file);
}

} // namespace

int back_up_names(context& with, const std::string& file) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto made = temporary_file::beside(file, file_mode);
  if (!made)
    return report_error(made.error());
  if (auto fetched = fetch_with_patience(**masters, made->descriptor()); !fetched)
    return report_error(fetched.error());
  auto backup = atl::backup_file::open(path_of(made->descriptor()));
  if (!backup)
    return report_error(backup.error());
  if (auto whole = backup->check(); !whole)
    return report_error(whole.error());
  if (::fsync(made->descriptor()) != 0)
    return report_error(atl::system_error(errno, "syncing the backup"));
  if (auto published = made->publish(); !published)
    return report_error(published.error());
  auto folder = std::filesystem::absolute(file).parent_path();
  if (auto synced = atl::sync_to_disk(folder); !synced)
    return report_error(synced.error());
  auto& info = backup->info();
  if (with.json)
    print("{}\n", nlohmann::json{{"file", file},
                                 {"id", info.id},
                                 {"cluster", info.cluster},
                                 {"group", info.group},
                                 {"log_index", info.log_index}}
                      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    print("{}: the name space of {} at entry {}, backup {}\n", display_name(file),
          display_name(info.cluster), info.log_index, info.id);
  return done;
}

} // namespace dfs::cli
