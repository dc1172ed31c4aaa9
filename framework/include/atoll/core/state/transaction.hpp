#pragma once

#include <atoll/core/state/row_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rocksdb {
class DB;
}

namespace atl {

class member_table;
class row_cache;
class session_table;
class write_buffer;
struct state_meta;
struct session_id;

/// Changes the state for one log entry after the other. For the applying thread, while no other
/// thread reads. A change can't be taken back: a command is checked before its first change.
class transaction final : public row_reader {
 public:
  struct parts {
    rocksdb::DB& db;
    row_cache& known;     ///< rows of the database
    write_buffer& buffer; ///< overrides the database, and receives the changes
    state_meta& meta;
    bool is_whole_state = false; ///< does `buffer` hold all rows, so that misuse can be told?
  };
  transaction(const service_info& service, parts of) : row_reader{service}, parts_{of} {}

  /// The index of the entry that is applied.
  spi::log_index index() const;
  /// The state's time, in microseconds since 1970: the latest of all stamps of commands.
  std::uint64_t time_us() const;

  void put(std::string key, std::string value);
  /// Puts a row that never existed, which costs less if the row is erased soon. If the row exists,
  /// its stored value may come back once it is erased: in a `memory_state` that is a failure.
  void insert(std::string key, std::string value);
  void erase(const std::string& key);

  using rows = std::vector<std::pair<std::string, std::string>>;
  /// The first rows that `scan` would visit, copied, so that they can be changed.
  rows first_rows(std::string_view prefix, std::string_view from, std::size_t limit);

  /// Ends up to `limit` sessions that were idle for more than `idle_us` in the state's time, and
  /// never that of the command that is applied. For an application with maintenance commands of its
  /// own; see `service_info::session_expiry` otherwise.
  /// @param idle_us 0: ends none. @returns the number of sessions that were ended
  std::uint32_t expire_sessions(std::uint64_t idle_us, std::uint32_t limit);

  /// The number of blocks that were read from the database's files.
  std::uint64_t disk_reads() const { return disk_reads_; }

 protected:
  bool get_row(const std::string& key, std::string& value) override;
  void scan_rows(std::string_view prefix, std::string_view from, const row_visitor& visit) override;

 private:
  friend class member_table;
  friend class session_table;

  void fail_inserted_again(std::string_view key);
  rows first_rows_of(std::string_view prefix, std::string_view from, std::size_t limit);

  parts parts_;
  const session_id* active_ = nullptr; ///< the session of the command that is applied
  std::uint64_t disk_reads_ = 0;
};

} // namespace atl
