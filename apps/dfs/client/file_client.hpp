#pragma once

#include "client/chunk_source.hpp"
#include "client/control.hpp"
#include "client/job_runner.hpp"
#include "client/stream.hpp"
#include "common/master_protocol.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dfs {

struct put_options {
  bool overwrite = true;
  bool parents = false; ///< make missing directories
  /// The expected size, if known: for the progress report, and to refuse a file that is too large
  /// before any data is sent. The actual size may differ.
  std::optional<std::uint64_t> size;
  /// The same source from any offset on, of which `size` bytes are expected; empty: the source can
  /// be read once. With it, chunks that can be encoded piece by piece aren't held in memory.
  positioned_source read_at{};
  commands::new_inode inode;         ///< of the file
  std::uint16_t parents_mode = 0755; ///< of missing directories
  progress_report progress;
};

/// The content that a read is to find.
struct expected_content {
  inode_id inode = 0;
  std::uint64_t data_version = 0;
};

/// Stores and reads files. Data is sent directly between the client and the storage nodes; a file
/// becomes visible atomically, by one command after all its data is stored. Thread-safe; calls
/// block.
class file_client {
 public:
  /// Asks a master for the cluster's settings, and loads the plugins that they name.
  /// @param reads, memory as for `control`. With `local`, `get` may also fail for a chunk that was
  /// collected after the answering master's state.
  static atl::result<std::unique_ptr<file_client>>
  connect(const cluster_settings& cluster,
          atl::spi::read_level reads = atl::spi::read_level::linearizable,
          std::shared_ptr<const leader_memory> memory = nullptr);

  file_client(const file_client&) = delete;
  file_client& operator=(const file_client&) = delete;
  ~file_client();

  control& masters();

  /// Stores the bytes from `from` under `path`. On an error nothing has changed under `path`,
  /// except with errc::timeout: then `path` names either the old or the new file, complete in
  /// either case.
  /// @returns bytes stored.
  atl::result<std::uint64_t> put(const byte_source& from, const std::string& path,
                                 const put_options& options);

  /// Passes a file's bytes to `into`, in order and verified by their checksums.
  /// @param part reads no more chunks, and of copies no more blocks, than it must
  /// @param expected reads nothing of a file that has another content by now
  /// @param take_back if given, large chunks are passed on before all of their bytes have been
  /// read, and taken back if they turn out to be wrong; otherwise each is held in memory
  /// @returns bytes read; errc::corrupt with the range if no copy is intact; errc::invalid if the
  /// part begins beyond the file's end; errc::refused if the content changed.
  atl::result<std::uint64_t> get(const std::string& path, const byte_sink& into,
                                 const progress_report& progress = {}, const byte_range& part = {},
                                 const std::optional<expected_content>& expected = {},
                                 const byte_retraction& take_back = {});

  /// Prepares jobs on files. @param nodes all storage nodes. Must not outlive this object.
  atl::result<std::unique_ptr<job_runner>> make_job_runner(std::vector<job_node> nodes);

  /// Calls `each` for every entry of a directory, in the order of the names' bytes, until it
  /// returns false.
  atl::status list(const std::string& path,
                   const std::function<bool(const responses::entry&)>& each);

 private:
  struct implementation;
  explicit file_client(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

} // namespace dfs
