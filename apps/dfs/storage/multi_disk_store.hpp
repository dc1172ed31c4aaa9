#pragma once

#include "storage/chunk_store.hpp"
#include "storage/disk_choice.hpp"
#include "storage/fragment_store.hpp"

#include <atoll/core/error.hpp>
#include <atoll/spi/random.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dfs {

/// The fragments of a storage node on several disks, each with a `chunk_store` of its own. A
/// fragment is on one disk; new ones go to the disks by their free space (`choose_disks`).
///
/// A disk that fails a write or a sync, or whose folder is gone, can't be read or has become
/// read-only, isn't used any more: its fragments count as lost, are told as damaged, and are read
/// from there only as long as no other disk has them. The store fails when all its disks have.
class multi_disk_store final : public fragment_store {
 public:
  struct disk_options {
    std::string folder;    ///< the data folder, for people
    std::string problem{}; ///< why the disk can't be used; empty: it can
    store_options store{}; ///< without `numbers` and `on_failure`
    disk* on = &real_disk();
  };

  /// Opens the stores of all disks at once, and settles which disk keeps a fragment that several
  /// have: an operator's copy, or one of a disk that was out of use for a while. A disk whose store
  /// can't be opened isn't used.
  /// @param seed of the choice among the disks
  /// Errors: refused (another process has a store); io (no disk can be opened).
  static atl::result<std::unique_ptr<multi_disk_store>> open(std::vector<disk_options> disks,
                                                             std::uint64_t seed);
  ~multi_disk_store() override;

  atl::result<chunk_writer> begin(const fragment_key& key, std::uint64_t size) override;
  atl::result<open_fragment> open(const fragment_key& key) override;
  std::optional<open_fragment> open_cached(const fragment_key& key) override;
  atl::result<bool> check(const fragment_key& key, const check_options& how) override;
  using fragment_store::check;
  atl::status remove(const fragment_key& key, std::uint64_t generation) override;
  std::optional<stored_fragment> find(const fragment_key& key) const override;
  void renew(const fragment_key& key) override;
  std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const override;
  /// The sums over the disks in use. Also looks after the disks, so it is to be called regularly.
  atl::result<store_usage> usage() override;
  std::vector<fragment_key> take_damaged() override;
  /// None as long as one disk is used.
  std::optional<atl::error> failure() const override;
  std::vector<disk_state> disks() const override;
  atl::status flush() override;

  std::size_t disk_count() const { return slots_.size(); }
  bool is_used(std::size_t disk) const { return slots_[disk]->is_used; }
  /// The store of one disk; null if it couldn't be opened.
  chunk_store* store_of(std::size_t disk) const { return slots_[disk]->store.get(); }

 private:
  struct slot {
    std::string folder;
    std::atomic<bool> is_used = false;
    // Guarded by the mutex:
    std::string failure;
    store_usage last;                      ///< when the disk was asked last
    std::optional<fragment_key> lost_from; ///< fragments from this one on are to be told as lost

    std::unique_ptr<chunk_store> store; ///< ends before what its failure handler uses
  };
  /// The disk on which a fragment is being written, so that a second writer takes the same.
  struct claim {
    std::size_t disk = 0;
    std::size_t writers = 0;
  };
  class claim_holder;

  explicit multi_disk_store(std::uint64_t seed) : random_{seed} {}
  atl::status open_disks(std::vector<disk_options> disks);
  atl::status open_disk(slot& into, disk_options options);
  void settle_duplicates();
  void settle(const fragment_key& key, const std::vector<chunk_store*>& on);
  void stop_using(slot& which, const std::string& why);
  std::optional<std::size_t> disk_of(const fragment_key& key) const;
  chunk_store* holder(const fragment_key& key) const;
  void look_after_disks();
  void refresh_rooms();
  atl::result<std::vector<std::size_t>> claim_disks(const fragment_key& key, std::uint64_t size);
  bool move_claim(const fragment_key& key, std::size_t to);
  void release(const fragment_key& key);
  atl::error all_failed() const;

  std::vector<std::unique_ptr<slot>> slots_;
  mutable std::mutex mutex_; ///< taken before the stores' own
  std::unordered_map<fragment_key, claim> claims_;
  atl::spi::random_source random_;
  std::chrono::steady_clock::time_point rooms_at_{};
  std::chrono::steady_clock::time_point looked_at_{};
};

} // namespace dfs
