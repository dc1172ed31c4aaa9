#pragma once

#include "common/types.hpp"
#include "namespace/command.hpp"
#include "namespace/query.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state_machine.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

struct name_space_settings {
  /// The name of the cluster, equal on all replicas; at most `limits::cluster_id_bytes_max`. Stored
  /// in a new name space; a folder of another cluster is refused. Empty: every stored name is
  /// accepted.
  std::string cluster_id;
  /// The certificate of the group whose state this is (`atl::encode` of a `group_birth`): stored in
  /// a new name space; a folder of another group is refused. Empty: every stored certificate is
  /// accepted.
  std::string birth;
  /// With less free space on the disk, commands that add to the state are refused; 0: never.
  std::uint64_t free_bytes_min = 256u << 20;
  /// The file that holds a part of `free_bytes_min` (`disk_ballast`); `flush` creates it again if
  /// it is missing and there is room. Empty: no such file.
  std::filesystem::path ballast;
  std::size_t write_buffer_bytes = 16u << 20; ///< the size of each of two buffers
  std::size_t block_cache_bytes = 32u << 20;
  /// A flush is due if so many bytes are in memory only.
  std::size_t write_buffer_bytes_max = 8u << 20;
  /// A flush is also due after so many bytes of commands, because the log keeps these until the
  /// flush.
  std::size_t unflushed_bytes_max = 8u << 20;
};

/// The replicated state of the masters: directories, files, and the places of their chunks. A
/// deterministic state machine in a RocksDB database, which stores the applied index atomically
/// with the effects up to it. Recent changes are kept in memory and written later in one batch:
/// after a crash the database is at an earlier index, and the log has the entries after it.
///
/// Threads: `apply`, `flush`, `save` and `load` are called by one thread at a time;
/// `admission_check` and `shortage` by one thread at a time, which may be a different one; all
/// other functions are thread-safe. After a failure of `apply`, `flush` or `query` all further
/// calls fail: an entry may be applied in part, or rows may be damaged, and the state on disk is
/// known again only after it is reopened.
class name_space final : public atl::state_machine {
 public:
  /// Opens the name space in `folder`, or creates one there.
  /// @returns `errc::corrupt` for a damaged database, `errc::busy` for a database that is already
  /// open, `errc::refused` for a database of another cluster or format.
  static atl::result<std::unique_ptr<name_space>> open(const std::filesystem::path& folder,
                                                       const name_space_settings& settings);
  ~name_space() override;

  atl::spi::log_index applied() const override;

  /// The effects are in memory when this returns; `flush` makes them durable.
  atl::result<std::vector<std::string>>
  apply(std::span<const atl::spi::committed_entry> entries) override;

  /// @param query encoded by `encode`; decode the answer with `decode_response`.
  atl::result<std::string> query(std::string_view query) const override;
  std::optional<std::string> try_query_in_memory(std::string_view query) const override;
  bool can_apply_inline() const override;

  std::optional<atl::error> admission_check(std::string_view command) const override;
  std::optional<std::string> shortage() const override;
  bool takes_space(std::string_view command) const override;
  void stamp(std::string& command, std::chrono::microseconds since_1970) const override;
  std::chrono::microseconds latest_stamp() const override;

  atl::result<atl::spi::log_index> flush() override;
  bool flush_due() const override;

  /// Makes a RocksDB checkpoint, which on the same disk links files instead of copying them.
  atl::result<atl::spi::log_index> save(const std::filesystem::path& folder) override;
  /// Reads every block of the checkpoint's tables, because `save` links damaged tables without
  /// reading them.
  atl::status check_saved(const std::filesystem::path& folder) const override;
  /// `folder` must be on the same disk.
  atl::result<atl::spi::log_index> load(const std::filesystem::path& folder) override;

  const std::string& cluster_id() const;

  /// SHA-256 over the whole state, in hexadecimal: equal on replicas that applied the same entries.
  /// Reads all of the database.
  atl::result<std::string> digest() const;

 private:
  struct impl;
  explicit name_space(std::unique_ptr<impl> self);

  std::unique_ptr<impl> self_;
};

/// Queries a replica of the name space, and decodes the response: `query(replica,
/// queries::stat{"/a"})`.
template <class Query>
atl::result<typename Query::response> query(const atl::state_machine& replica, const Query& query) {
  auto answer = replica.query(encode(dfs::query_message{query}));
  if (!answer)
    return tl::unexpected{answer.error()};
  return decode_response<typename Query::response>(*answer);
}

} // namespace dfs
