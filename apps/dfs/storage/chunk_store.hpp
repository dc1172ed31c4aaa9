#pragma once

#include "storage/chunk_writer.hpp"
#include "storage/disk.hpp"
#include "storage/fragment.hpp"
#include "storage/fragment_index.hpp"
#include "storage/sync_queue.hpp"

#include <atoll/core/error.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace dfs {

struct store_options {
  std::string folder;              ///< created if it doesn't exist; its parent must exist
  std::uint64_t reserve_bytes = 0; ///< free space of the file system that the store leaves free
  std::size_t sync_backlog_max =
      sync_backlog_files_max; ///< files that wait for the background sync
};

/// A fragment opened for reading. It stays readable even if it is removed meanwhile.
struct open_fragment {
  disk_file file; ///< data at offset 0
  std::uint64_t size = 0;
  std::vector<std::uint32_t> block_crcs;
};

struct store_usage {
  std::uint64_t chunks = 0;        ///< fragments stored
  std::uint64_t bytes = 0;         ///< bytes of their data
  std::uint64_t free = 0;          ///< bytes that may still be stored here, without the reserve
  std::uint64_t capacity = 0;      ///< bytes of the file system, less the reserve
  std::uint64_t damaged = 0;       ///< fragments found damaged since the store was opened
  std::uint64_t removed_bytes = 0; ///< bytes removed by `remove` since the store was opened
};

/// How a fragment is checked.
struct check_options {
  /// Read from the disk what the kernel has in memory as well: damage is on the disk.
  bool from_disk = false;
  /// Is called between two reads with the bytes that were read, and may wait; false ends the check.
  /// Null: nothing is called.
  std::function<bool(std::uint64_t bytes)> between{};
};

/// Immutable fragments of chunks in plain files, `<folder>/<2 hex digits>/<chunk>.<fragment>`, each
/// with a checksum for every block of 64 KiB. A file is written under `tmp/` and renamed into its
/// place when it is complete. A fragment that is found damaged is moved to `damaged/`, counted, and
/// never served again.
///
/// A disk that fails a write, sync or close is not trusted again: the store is marked as failed, in
/// memory and by the file `<folder>/failed`, and refuses writes until an operator has removed that
/// file. Reads continue.
///
/// Thread-safe. Must outlive its writers.
class chunk_store {
 public:
  /// Locks the folder for this process, removes the files of unfinished writes, and reads the
  /// footer of each fragment. Errors: refused (another process has it), io, no_space.
  static atl::result<std::unique_ptr<chunk_store>> open(store_options options,
                                                        disk& on = real_disk());
  /// Waits for the background sync.
  ~chunk_store();
  chunk_store(const chunk_store&) = delete;
  chunk_store& operator=(const chunk_store&) = delete;

  /// Starts to write a fragment of `size` bytes (≤ fragment_bytes_max). Errors: invalid, no_space,
  /// io (also: the store has failed).
  atl::result<chunk_writer> begin(const fragment_key& key, std::uint64_t size);

  /// Errors: not_found; corrupt (the fragment is then moved aside); io.
  atl::result<open_fragment> open(const fragment_key& key);
  /// The same for a thread that must not wait for the disk. @returns none if that takes more than
  /// what the kernel has in memory, or if anything is wrong: then `open` tells what.
  std::optional<open_fragment> open_cached(const fragment_key& key);

  /// Reads blocks of a fragment, and checks them. @param at where a block begins. @pre the range
  /// ends where a block ends. Errors: corrupt, io.
  atl::status read(const fragment_key& key, const open_fragment& opened, std::uint64_t at,
                   std::span<std::byte> into);

  /// Reads the whole fragment and checks every block. Errors: not_found, corrupt, io.
  atl::status verify(const fragment_key& key);

  /// Verifies a fragment, and moves it aside if it is damaged. @returns true if it is intact.
  /// Errors: not_found, io, unavailable (`between` has ended it).
  atl::result<bool> check(const fragment_key& key, const check_options& how = {});

  /// Moves a fragment that is known to be damaged to `damaged/`. Errors: not_found.
  atl::status quarantine(const fragment_key& key);

  /// Errors: not_found, io. Not synced: after a power cut the fragment may be back, and is then
  /// listed like any other.
  atl::status remove(const fragment_key& key);
  /// Removes this copy alone. Errors: also not_found for another generation.
  atl::status remove(const fragment_key& key, std::uint64_t generation);

  /// What the store knows of a fragment. Doesn't touch the disk.
  std::optional<stored_fragment> find(const fragment_key& key) const;
  /// All fragments, in the order of their keys.
  /// Somebody relies on the fragment anew: orders that name its former generation are void.
  void renew(const fragment_key& key);

  std::vector<stored_fragment> list() const;
  /// The first `limit` fragments from this key on, in the order of their keys. Takes a time in
  /// proportion to the limit.
  std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const;
  atl::result<store_usage> usage() const;
  /// The fragments that were set aside since the last call and not stored again since. Bounded:
  /// what is left out isn't listed by `slice` either.
  std::vector<fragment_key> take_damaged();

  /// Why the store refuses writes; none while it accepts them.
  std::optional<atl::error> failure() const;

  /// Waits until all that was committed as `replicated` is synced. Errors: io (the store failed).
  atl::status flush();

 private:
  friend class chunk_writer;
  class key_guard;

  chunk_store(store_options options, disk& on);
  atl::status prepare();
  atl::status lock_folder();
  atl::status read_failure_mark();
  atl::status clear_temporaries();
  atl::status count_damaged_files();
  atl::status scan(const std::string& folder);
  atl::status scan_file(const std::string& folder, const std::string& name);

  std::string folder_of(const fragment_key& key) const;
  std::string path_of(const fragment_key& key) const;
  atl::result<open_fragment> load(const fragment_key& key);
  atl::status verify(const fragment_key& key, const check_options& how);
  atl::status verify(const fragment_key& key, const open_fragment& opened,
                     const check_options& how);
  bool quarantine_if_same(const fragment_key& key, std::uint64_t generation,
                          const std::string& why);
  void set_aside(const fragment_key& key, const std::string& why); ///< the key's guard is held
  void move_to_damaged(const fragment_key& key);
  void add(const fragment_key& key, std::uint64_t size);
  /// @returns the bytes of the fragment; 0: there was none
  std::uint64_t drop(const fragment_key& key);
  void note_damaged(const fragment_key& key);

  atl::status publish(chunk_writer& from, durability how);
  atl::status put_in_place(chunk_writer& from, durability how);
  atl::result<bool> is_stored_already(const chunk_writer& from, durability how);
  atl::status sync_existing(const fragment_key& key, const open_fragment& existing);
  atl::error write_failed(int code, std::string_view what);
  void mark_failed(const atl::error& why);
  void release(std::uint64_t bytes);

  store_options options_;
  disk& disk_;
  disk_file lock_file_;

  mutable std::mutex mutex_;
  std::condition_variable free_key_;
  fragment_index index_;
  std::unordered_set<fragment_key> busy_;          ///< being put in place, moved or removed
  std::unordered_set<fragment_key> found_damaged_; ///< for `take_damaged`
  std::uint64_t bytes_ = 0;
  std::uint64_t pending_bytes_ = 0; ///< bytes reserved for writers
  std::uint64_t damaged_ = 0;
  std::uint64_t removed_bytes_ = 0;
  /// For generations and names of temporary files. Begins with the time, so that no number comes
  /// again after a restart.
  std::uint64_t next_number_ = 0;
  std::uint64_t next_damaged_ = 0;
  std::optional<atl::error> failure_;

  std::unique_ptr<sync_queue> syncer_;
};

} // namespace dfs
