#pragma once

#include "free_space.hpp"
#include "row_cache.hpp"
#include "row_preparation.hpp"
#include "state_database.hpp"
#include "write_buffer.hpp"

#include <atoll/core/state/disk_ballast.hpp>
#include <atoll/core/state/replicated_state.hpp>

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <utility>

namespace atl {

struct replicated_state::implementation {
  /// Bound of the rows that were read ahead, and aren't in `known` yet.
  static constexpr std::size_t prepared_bytes_max = 4u << 20;

  implementation(std::filesystem::path where, const settings& wanted,
                 std::unique_ptr<service_logic> of)
      : folder{std::move(where)}, how{wanted}, logic{std::move(of)},
        service{service_of(*logic, how)}, disk{folder, how.free_bytes_min, service.title},
        ballast{how.ballast, how.free_bytes_min}, known{row_cache_bytes(how)} {}

  static service_info service_of(const service_logic& logic, const settings& wanted) {
    auto info = logic.info();
    if (!wanted.rebuild_advice.empty())
      info.rebuild_advice = wanted.rebuild_advice;
    return info;
  }

  std::filesystem::path folder;
  settings how;
  const std::unique_ptr<service_logic> logic;
  const service_info service;
  free_space disk;      ///< used by the thread that calls `admission_check`
  disk_ballast ballast; ///< the applying thread's
  std::unique_ptr<rocksdb::DB> db;
  mutable std::mutex turnstile; ///< taken before `present`, so that readers don't starve a writer
  mutable std::shared_mutex present;           ///< guards `db` and `buffer` against readers
  write_buffer buffer = empty_buffer(service); ///< changed by the applying thread
  state_meta meta;                             ///< the applying thread's
  row_cache known;                             ///< the applying thread's
  row_preparation preparation{prepared_bytes_max};
  std::size_t unflushed_bytes = 0; ///< of commands; the applying thread's
  spi::log_index flushing = 0;     ///< the last entry of a flush under way; the applying thread's
  /// Calls of `apply` that are expected to need the disk; the applying thread's.
  int slow_calls = 0;
  std::atomic<spi::log_index> applied = 0;  ///< of `meta`, for every thread
  std::atomic<std::uint64_t> latest_us = 0; ///< of `meta`, for every thread
  std::optional<error> broken;              ///< the applying thread's
  std::atomic<bool> is_damaged = false;     ///< why it is unreadable, as the next says; set first
  std::atomic<bool> unreadable = false;     ///< for every thread: an entry may be applied in part

  error fail_for_good(error why) {
    why.message = fmt::format("{} in '{}': {}", service.title, folder.native(), why.message);
    broken = why;
    make_unreadable(why);
    return why;
  }
  void make_unreadable(const error& why) {
    if (why.code == errc::corrupt)
      is_damaged = true;
    unreadable = true;
  }

  std::shared_lock<std::shared_mutex> to_read() const {
    std::lock_guard turn{turnstile};
    return std::shared_lock{present};
  }
  std::unique_lock<std::shared_mutex> to_change() const {
    std::lock_guard turn{turnstile};
    return std::unique_lock{present};
  }

  error unreadable_error() const {
    return {is_damaged ? errc::corrupt : errc::unavailable,
            fmt::format("the {} can't be read any more{}", service.title,
                        is_damaged ? ": its database is damaged" : "")};
  }

  /// Applies entries and appends the answer to each. For the applying thread, without readers.
  status run(std::span<const spi::committed_entry> entries, transaction& state,
             std::vector<std::string>& answers);
  std::string answer(state_view& state, std::string_view query) const;
  /// Writes the rows that are not in the database yet.
  status write();
  std::shared_ptr<const write_buffer> set_aside();
  status write_aside();
  /// The database has the rows that are aside.
  void drop_aside();
  /// Takes an opened database into use. For the applying thread, without readers.
  status use(opened_database opened);
};

} // namespace atl
