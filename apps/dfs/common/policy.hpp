#pragma once

#include "common/durability.hpp"

#include <atoll/spi/codec.hpp>
#include <atoll/spi/options.hpp>

#include <cstdint>
#include <string>

namespace dfs {

/// How data is stored. Never changed once it has an id, which is kept with each chunk: a file stays
/// readable whatever the configuration says later.
struct policy {
  std::string recovery; ///< name of the plugin
  std::string encoding; ///< the plugin's word for its format
  atl::spi::options recovery_options;
  std::string placement; ///< name of the balancer plugin
  atl::spi::options placement_options;
  dfs::durability durability = durability::fsync;
  std::uint64_t chunk_bytes = 8 << 20;
  // What the scheme says of itself with these options.
  std::uint32_t fragments = 1;     ///< of a chunk
  std::uint32_t fragments_min = 1; ///< that must be stored before a chunk may be used
  std::uint32_t survives_losses = 0;
  std::uint32_t storage_cost = 100; ///< bytes stored for each byte of data, in hundredths
  /// Files up to this size stand in the name space itself.
  std::uint32_t inline_bytes_max = 0;
  /// How long what is removed from a directory, or replaced there, can be restored; 0: not at all.
  std::uint64_t trash_us = 0;

  friend bool operator==(const policy&, const policy&) = default;
};

/// Does data that is stored by one of them look as if it were stored by the other? Where its
/// fragments are, and what becomes of it when it is removed, makes no difference.
bool is_stored_alike(const policy& one, const policy& other);

/// Equal options have equal bytes. `read` takes hostile bytes.
void write(atl::spi::writer& out, const atl::spi::options& options);
void read(atl::spi::reader& in, atl::spi::options& options);
void write(atl::spi::writer& out, const policy& value);
void read(atl::spi::reader& in, policy& value);

} // namespace dfs
