#pragma once

#include "prepared_rows.hpp"
#include "preparing_reader.hpp"

#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/session_command.hpp>

#include <rocksdb/db.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace atl {

/// Reads the rows of commands before they are applied, by other threads than the applying one.
class row_preparation {
 public:
  /// @param bytes_max bound of the rows on their way to the applying thread
  explicit row_preparation(std::size_t bytes_max) : rows_{bytes_max} {}

  /// Did commands need the disk lately? While all rows are in memory, reading them ahead costs more
  /// than it saves. Called by any thread.
  bool is_worthwhile() const { return worthwhile_ > 0; }
  /// A command needed the disk. Called by any thread.
  void note_disk_read() { worthwhile_ = worthwhile_commands; }

  /// Reads what `logic` wants for the command. A failure of the database is left to the applying
  /// thread, and an exception of the logic has no effect. Called by several threads at once.
  void prepare(const session_command& command, const service_logic& logic,
               const service_info& service);

  // For the applying thread.
  void use(rocksdb::DB* db); ///< null: none. Waits for calls that use the former one.
  void move_to(row_cache& known) { rows_.move_to(known); }
  void on_written() { rows_.begin_epoch(); }

 private:
  /// After a read from the disk, so many commands are prepared.
  static constexpr int worthwhile_commands = 4096;

  std::unique_ptr<lately_prepared> borrow();
  void give_back(std::unique_ptr<lately_prepared> lately);

  std::atomic<int> worthwhile_ = 0;
  prepared_rows rows_;
  std::atomic<bool> is_closing_ = false; ///< so that readers don't starve `use`
  std::shared_mutex in_use_;             ///< guards `db_`
  rocksdb::DB* db_ = nullptr;
  std::mutex mutex_; ///< guards `idle_`
  std::vector<std::unique_ptr<lately_prepared>> idle_;
};

} // namespace atl
