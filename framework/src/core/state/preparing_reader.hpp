#pragma once

#include "prepared_rows.hpp"
#include "row_cache.hpp"

#include <atoll/core/state/row_reader.hpp>

#include <rocksdb/db.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl {

/// Rows that a thread read lately to prepare commands. Successive commands share most rows (the
/// directories near the root), which are read and passed on once for an epoch.
struct lately_prepared {
  static constexpr std::size_t bytes_max = 256u << 10;

  std::uint64_t epoch = 0;
  row_cache rows{bytes_max};
};

/// Reads rows of the database for a command that is applied soon, and keeps them. Rows that are not
/// in the database yet are in memory anyway; without them the logic may take another path than
/// `apply` will, and reads rows in vain. For one thread and one command.
class preparing_reader final : public row_reader {
 public:
  preparing_reader(const service_info& service, rocksdb::DB& db, lately_prepared& lately)
      : row_reader{service}, db_{db}, lately_{lately} {}

  /// Reads a row of the framework.
  void touch(const std::string& key) {
    std::string value;
    get_row(key, value);
  }
  /// The rows that were read, without those of `lately`.
  std::vector<read_row> take_rows() { return std::exchange(rows_, {}); }
  bool read_disk() const { return read_disk_; }

 protected:
  bool get_row(const std::string& key, std::string& value) override;
  void scan_rows(std::string_view prefix, std::string_view from, const row_visitor& visit) override;

 private:
  bool may_read();

  rocksdb::DB& db_;
  lately_prepared& lately_;
  std::vector<read_row> rows_;
  std::size_t reads_ = 0;
  bool read_disk_ = false;
};

} // namespace atl
