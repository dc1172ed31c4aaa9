#pragma once

#include "common/durability.hpp"
#include "storage/disk.hpp"
#include "storage/fragment.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace dfs {

class chunk_store;

/// Writes a fragment of a store. The fragment is invisible until it is committed; a writer that is
/// destroyed without a commit removes its temporary file. Not thread-safe.
class chunk_writer {
 public:
  chunk_writer(chunk_writer&& other) noexcept;
  chunk_writer& operator=(chunk_writer&&) = delete;
  ~chunk_writer();

  /// The next bytes, whole blocks except at the end of the fragment, with the sender's checksum of
  /// each. Bytes that don't match their checksum are not written. After an error the writer can't
  /// be used again. Errors: corrupt, no_space, invalid, io.
  atl::status append(std::span<const std::byte> bytes, std::span<const std::uint32_t> crcs);

  /// Makes the fragment visible. @pre all its bytes were written. If the fragment is stored
  /// already, the call succeeds if the checksums are equal, and fails otherwise. Errors: exists,
  /// no_space, invalid, io; corrupt if `how` is `verified` and the disk gives back something else.
  atl::status commit(durability how);

  /// CRC-32C of what the disk gave back, once a commit as `verified` has succeeded.
  std::optional<std::uint32_t> crc_on_disk() const { return crc_on_disk_; }

  /// Keeps a resource until the writer is destroyed.
  void hold(std::shared_ptr<void> resource) { held_ = std::move(resource); }

  const fragment_key& key() const { return info_.key; }
  std::uint64_t size() const { return info_.size; }

 private:
  friend class chunk_store;
  chunk_writer(chunk_store& store, fragment_key key, std::uint64_t size, std::string path,
               disk_file file);
  atl::status broken(atl::error why);
  atl::status finish_file(durability how);
  atl::status read_back_from(const std::string& path);

  chunk_store* store_;
  fragment_info info_;
  std::string path_; ///< of the temporary file; empty once it is in its place
  disk_file file_;
  std::uint64_t appended_ = 0;
  std::uint64_t written_back_ = 0;
  std::optional<std::uint32_t> crc_on_disk_;
  std::optional<atl::error> broken_;
  std::shared_ptr<void> held_;
};

} // namespace dfs
