#pragma once

#include "namespace/records.hpp"

#include <atoll/core/error.hpp>

#include <rocksdb/db.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::state {

/// Called with each key and value; @returns false to stop.
using visitor = std::function<bool(std::string_view key, std::string_view value)>;

class write_buffer;

/// Where rows are read from: memory only, or also the disk.
enum class reads { memory, disk };
rocksdb::ReadOptions read_options(reads from);

/// Reads a consistent state. The first failure (a device, damage) is kept, and everything read
/// after it is invalid, so callers check `failure()` once at the end.
class state_reader {
 public:
  state_reader() = default;
  state_reader(const state_reader&) = delete;
  state_reader& operator=(const state_reader&) = delete;
  virtual ~state_reader() = default;

  std::optional<dirent> find_entry(inode_id parent, std::string_view name);
  /// Entries, sessions, chunks and nodes may be unknown.
  std::optional<stored_chunk> find_chunk(const chunk_id& id);
  std::optional<session_record> find_session(const session_id& id);
  std::optional<storage_record> find_storage(storage_id id);
  std::optional<member_record> find_member(std::uint32_t id);
  std::string find_birth();
  std::optional<storage_id> find_storage_by_name(std::string_view name);
  std::optional<storage_id> find_storage_by_uuid(std::string_view uuid);
  /// An inode that an entry names, and a file's content, must exist; if not, the state is damaged.
  inode must_inode(inode_id id);
  std::string must_content(inode_id id, std::uint64_t size_bytes);
  stored_chunk must_chunk(const chunk_id& id);

  /// Visits the keys that begin with `prefix`, in order, from `from` on. The visitor must not
  /// change the state.
  virtual void scan(std::string_view prefix, std::string_view from, const visitor& visit) = 0;

  /// Visits the masters that were admitted, by their ids. A record that can't be read ends the scan
  /// with `failure`.
  void for_each_member(const std::function<void(std::uint32_t, const member_record&)>& visit);

  const std::optional<atl::error>& failure() const { return failure_; }
  /// Is the failure that a row isn't in memory, and the disk must not be read?
  bool needs_disk() const { return needs_disk_; }
  /// Records that a value is missing or malformed.
  void fail_damaged(std::string_view what);

 protected:
  /// @returns false if there is no such key, or reading failed.
  virtual bool get(const std::string& key, std::string& value) = 0;
  void fail(const rocksdb::Status& status);
  /// Visits a table in order, with `rows` over the database.
  void scan_table(rocksdb::DB& db, const write_buffer& rows, const rocksdb::ReadOptions& how,
                  std::string_view prefix, std::string_view from, const visitor& visit);

 private:
  template <class Record>
  std::optional<Record> find(const std::string& key, std::string_view what);

  std::optional<atl::error> failure_;
  bool needs_disk_ = false;
};

/// Reads the present state. For one thread, while neither the database nor the write buffer
/// changes, except that the buffer may be written into the database.
class present_reader final : public state_reader {
 public:
  present_reader(rocksdb::DB& db, const write_buffer& buffer, reads from = reads::disk)
      : db_{db}, buffer_{buffer}, how_{read_options(from)} {}

  void scan(std::string_view prefix, std::string_view from, const visitor& visit) override;
  meta must_meta();

 protected:
  bool get(const std::string& key, std::string& value) override;

 private:
  rocksdb::DB& db_;
  const write_buffer& buffer_;
  rocksdb::ReadOptions how_;
};

/// What an operator does about a damaged database.
inline constexpr std::string_view rebuild_advice =
    "start this master once with --new-disk, and let it in under a new id with 'dfs admin master "
    "replace NAME', so that it is rebuilt from the others";

/// Converts a failure of RocksDB.
atl::error to_error(const rocksdb::Status& status);

inline rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

} // namespace dfs::state
