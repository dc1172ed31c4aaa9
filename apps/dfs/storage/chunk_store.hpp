#pragma once

#include "storage/chunk_writer.hpp"
#include "storage/disk.hpp"
#include "storage/fragment.hpp"
#include "storage/fragment_index.hpp"
#include "storage/fragment_store.hpp"
#include "storage/sync_queue.hpp"

#include <atoll/core/error.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace dfs {

struct store_options {
  std::string folder;              ///< created if it doesn't exist; its parent must exist
  std::uint64_t reserve_bytes = 0; ///< free space of the file system that the store leaves free
  std::size_t sync_backlog_max =
      sync_backlog_files_max; ///< files that wait for the background sync
  /// Where stores that share fragments get their numbers, so that none gives the same; null: the
  /// store has its own.
  std::shared_ptr<std::atomic<std::uint64_t>> numbers{};
  /// Called once, when the disk has failed, with what `failure` says from then on, by the thread
  /// that noticed. Null: nothing is called.
  std::function<void(const atl::error&)> on_failure{};
};

/// Numbers for `store_options::numbers`.
std::shared_ptr<std::atomic<std::uint64_t>> numbers_since_1970();

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
class chunk_store final : public fragment_store {
 public:
  /// Locks the folder for this process, removes the files of unfinished writes, and reads the
  /// footer of each fragment. Errors: refused (another process has it), io, no_space.
  static atl::result<std::unique_ptr<chunk_store>> open(store_options options,
                                                        disk& on = real_disk());
  /// Waits for the background sync.
  ~chunk_store() override;

  atl::result<chunk_writer> begin(const fragment_key& key, std::uint64_t size) override;
  atl::result<open_fragment> open(const fragment_key& key) override;
  std::optional<open_fragment> open_cached(const fragment_key& key) override;
  /// As `open`, but a damaged fragment stays where it is.
  atl::result<open_fragment> open_untouched(const fragment_key& key);

  /// Reads the whole fragment and checks every block. Errors: not_found, corrupt, io.
  atl::status verify(const fragment_key& key);
  atl::result<bool> check(const fragment_key& key, const check_options& how) override;
  using fragment_store::check;

  /// Moves a fragment that is known to be damaged to `damaged/`. Errors: not_found.
  atl::status quarantine(const fragment_key& key);

  /// Whatever its generation is.
  atl::status remove(const fragment_key& key);
  atl::status remove(const fragment_key& key, std::uint64_t generation) override;

  std::optional<stored_fragment> find(const fragment_key& key) const override;
  void renew(const fragment_key& key) override;
  /// All fragments, in the order of their keys.
  std::vector<stored_fragment> list() const;
  std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const override;
  atl::result<store_usage> usage() override;
  std::vector<fragment_key> take_damaged() override;
  std::optional<atl::error> failure() const override;
  /// Marks the store as failed if its folder is gone, can't be read, or can't be written to.
  void check_folder();
  atl::status flush() override;

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
  /// For generations and names of temporary files.
  std::uint64_t next_number() { return (*options_.numbers)++; }
  void note_damaged(const fragment_key& key);
  void note_rejected();

  atl::status publish(chunk_writer& from, durability how);
  atl::status put_in_place(chunk_writer& from, durability how);
  atl::result<bool> is_stored_already(chunk_writer& from, durability how);
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
  std::uint64_t next_damaged_ = 0;
  std::optional<atl::error> failure_;

  std::unique_ptr<sync_queue> syncer_;
};

} // namespace dfs
