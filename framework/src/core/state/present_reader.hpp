#pragma once

#include "state_database.hpp"
#include "state_rows.hpp"
#include "write_buffer.hpp"

#include <atoll/core/state/row_reader.hpp>

#include <rocksdb/db.h>

#include <optional>
#include <string>
#include <string_view>

namespace atl {

/// Reads the present state. For one thread, while neither the database nor the write buffer
/// changes, except that the buffer may be written into the database.
class present_reader final : public state_view {
 public:
  present_reader(const service_info& service, rocksdb::DB& db, const write_buffer& buffer,
                 reads from = reads::disk)
      : state_view{service}, db_{db}, buffer_{buffer}, how_{read_options(from)} {}

  state_summary summary() override;

  /// None: the database has no such row, because another program or release wrote it, or it is
  /// damaged (`failure`).
  std::optional<state_meta> find_meta();

 protected:
  bool get_row(const std::string& key, std::string& value) override;
  void scan_rows(std::string_view prefix, std::string_view from, const row_visitor& visit) override;

 private:
  rocksdb::DB& db_;
  const write_buffer& buffer_;
  rocksdb::ReadOptions how_;
};

} // namespace atl
