#pragma once

#include "client/control.hpp"
#include "client/stream.hpp"
#include "common/master_protocol.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace dfs {

struct put_options {
  bool overwrite = true;
  bool parents = false; ///< make missing directories
  /// What the source is expected to give, if that is known: for the progress report, and so that a
  /// file that is too large is refused before any of it is sent. It may give more or less.
  std::optional<std::uint64_t> size;
  std::optional<std::int64_t> mtime_us; ///< since 1970, negative before it; none: now
  progress_report progress;
};

/// Stores and reads files. Data goes straight between here and the storage nodes; a file becomes
/// visible, whole, by one command after all of it is stored. Thread-safe; calls wait.
class file_client {
 public:
  /// Asks the masters for what it must know, and loads the plugins that they chose.
  /// @param reads as for `control`. With `local`, `get` may also fail for a chunk that was
  /// collected after the answering master's state.
  static atl::result<std::unique_ptr<file_client>>
  connect(const cluster_settings& cluster,
          atl::spi::read_level reads = atl::spi::read_level::linearizable);

  file_client(const file_client&) = delete;
  file_client& operator=(const file_client&) = delete;
  ~file_client();

  control& masters();

  /// Stores what `from` gives under `path`. On an error nothing has changed under `path`, unless
  /// the code is errc::timeout: then the file may be the old one or the new one, but whole.
  /// @returns bytes stored.
  atl::result<std::uint64_t> put(const byte_source& from, const std::string& path,
                                 const put_options& options);

  /// Hands a file's bytes to `into`, in order; each block's checksum was right, or it comes from
  /// another replica. @returns bytes read; errc::corrupt with the range when no replica is in
  /// order.
  atl::result<std::uint64_t> get(const std::string& path, const byte_sink& into,
                                 const progress_report& progress = {});

  /// Every entry of a directory, in order of the names' bytes; stops when `each` says false.
  atl::status list(const std::string& path,
                   const std::function<bool(const responses::entry&)>& each);

  const protocol::cluster_info& info() const;

 private:
  struct implementation;
  explicit file_client(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
