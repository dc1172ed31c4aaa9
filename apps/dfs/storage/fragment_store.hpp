#pragma once

#include "storage/chunk_writer.hpp"
#include "storage/disk.hpp"
#include "storage/fragment.hpp"
#include "storage/fragment_index.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dfs {

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
  /// CRC-32C that the whole content must have, besides the checksums of its own; none: any.
  std::optional<std::uint32_t> content_crc{};
  /// Gets the CRC-32C of the content, if the fragment is intact. Null: nobody wants to know.
  std::uint32_t* found_crc = nullptr;
};

/// One of the disks of a store that has several.
struct disk_state {
  std::string folder;  ///< the data folder there, as configured
  std::string failure; ///< why the disk isn't used, and what to do; empty: it is used
  store_usage usage;   ///< of a disk that isn't used nothing, except what was found and removed
};

/// The fragments of a storage node: immutable, checked, each stored once. `chunk_store` keeps them
/// on one disk, `multi_disk_store` on several. Thread-safe. Must outlive its writers.
class fragment_store {
 public:
  fragment_store() = default;
  fragment_store(const fragment_store&) = delete;
  fragment_store& operator=(const fragment_store&) = delete;
  virtual ~fragment_store() = default;

  /// Starts to write a fragment of `size` bytes (≤ fragment_bytes_max). Errors: invalid, no_space,
  /// io (also: the store has failed).
  virtual atl::result<chunk_writer> begin(const fragment_key& key, std::uint64_t size) = 0;

  /// Errors: not_found; corrupt (the fragment is then moved aside); io.
  virtual atl::result<open_fragment> open(const fragment_key& key) = 0;
  /// The same for a thread that must not wait for the disk. @returns none if that takes more than
  /// what the kernel has in memory, or if anything is wrong: then `open` tells what.
  virtual std::optional<open_fragment> open_cached(const fragment_key& key) = 0;

  /// Verifies a fragment, and moves it aside if it is damaged. @returns true if it is intact.
  /// Errors: not_found, io, unavailable (`between` has ended it).
  virtual atl::result<bool> check(const fragment_key& key, const check_options& how) = 0;
  atl::result<bool> check(const fragment_key& key) { return check(key, check_options{}); }

  /// Removes this copy alone. Errors: not_found (also for another generation), io. Not synced:
  /// after a power cut the fragment may be back, and is then listed like any other.
  virtual atl::status remove(const fragment_key& key, std::uint64_t generation) = 0;

  /// What the store knows of a fragment. Doesn't touch the disk.
  virtual std::optional<stored_fragment> find(const fragment_key& key) const = 0;
  /// Gives the fragment a new generation, because a master relies on the fragment again: orders
  /// that name the former generation are void.
  virtual void renew(const fragment_key& key) = 0;
  /// The first `limit` fragments from this key on, in the order of their keys. Takes a time in
  /// proportion to the limit.
  virtual std::vector<stored_fragment> slice(const fragment_key& from, std::size_t limit) const = 0;

  virtual atl::result<store_usage> usage() = 0;
  /// The fragments that were set aside, or lost with their disk, since the last call and not stored
  /// again since. Bounded: what is left out isn't listed by `slice` either.
  virtual std::vector<fragment_key> take_damaged() = 0;

  /// Why the store refuses writes; none while it accepts them.
  virtual std::optional<atl::error> failure() const = 0;
  /// Of a store that has several disks; otherwise none.
  virtual std::vector<disk_state> disks() const { return {}; }

  /// Waits until all that was committed as `replicated` is synced. Errors: io (the store failed).
  virtual atl::status flush() = 0;
};

/// Reads blocks of a fragment, and checks them. @param at where a block begins. @pre the range ends
/// where a block ends. Errors: corrupt, io.
atl::status read_checked(const fragment_key& key, const open_fragment& opened, std::uint64_t at,
                         std::span<std::byte> into);

} // namespace dfs
