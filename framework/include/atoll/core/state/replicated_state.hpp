#pragma once

#include <atoll/core/group_birth.hpp>
#include <atoll/core/state/service_logic.hpp>
#include <atoll/core/state/state_backup.hpp>
#include <atoll/core/state_machine.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// The replicated state of a service: an application's logic over an ordered key-value store, with
/// all that every such state needs. A deterministic state machine in a RocksDB database, which
/// stores the applied index atomically with the effects up to it. Recent changes are kept in memory
/// and written later in one batch: after a crash the database is at an earlier index, and the log
/// has the entries after it.
///
/// Entries are encoded `session_command`s. A repeated one is answered with the first answer and not
/// applied again; a stale one is refused; one of a session that has expired is answered with an
/// error that `is_session_expired` recognizes.
///
/// The state's time is the latest stamp, and never goes back. A stamp that is ahead of it by more
/// than `proposal_clock::step_max` doesn't count: no replica with a right clock proposes it.
///
/// Threads: `apply`, the functions that flush, `save` and `load` are called by one thread at a
/// time; `admission_check` and `shortage` by one thread at a time, which may be a different one;
/// all other functions are thread-safe. After a failure of `apply`, `flush` or `query` all further
/// calls fail: an entry may be applied in part, or rows may be damaged, and the state on disk is
/// known again only after it is reopened.
class replicated_state final : public state_machine {
 public:
  struct settings {
    /// The name of the cluster, equal on all replicas; at most 64 bytes. Stored in a new state; a
    /// folder of another cluster is refused. Empty: every stored name is accepted.
    std::string cluster_id{};
    /// The certificate of the group whose state this is (`encode` of a `group_birth`): stored in a
    /// new state; a folder of another group is refused. Empty: every stored one is accepted.
    std::string birth{};
    /// A new state begins with the rows of this backup, whose content was checked, instead of those
    /// that the application writes.
    std::optional<backup_file> backup{};
    /// What an operator does about a damaged copy here, in place of `service_info::rebuild_advice`;
    /// empty: that.
    std::string rebuild_advice{};
    /// With less free space on the disk, commands that take space are refused; 0: never.
    std::uint64_t free_bytes_min = 256u << 20;
    /// The file that holds a part of `free_bytes_min` (`disk_ballast`); `flush` creates it again if
    /// it is missing and there is room. Empty: no such file.
    std::filesystem::path ballast{};
    std::size_t write_buffer_bytes = 16u << 20; ///< the size of each of two buffers
    /// The memory for rows of the database that are read again: half of it for the rows that the
    /// applying thread used last, half for RocksDB's blocks with their indexes and filters. Blocks
    /// serve all threads, and a block of 4 KiB is read for one row of perhaps 100 bytes. At least
    /// 64 KiB are useful.
    std::size_t cache_bytes = 64u << 20;
    /// A flush is due if so many bytes are in memory only; as many may be on their way to the disk.
    std::size_t write_buffer_bytes_max = 8u << 20;
    /// A flush is also due after so many bytes of commands, because the log keeps these until the
    /// flush.
    std::size_t unflushed_bytes_max = 8u << 20;
  };

  /// Opens the state in `folder`, or creates one there.
  /// @returns `errc::corrupt` for a damaged database, `errc::busy` for a database that is already
  /// open, `errc::refused` for a state of another cluster, group, application or version.
  static result<std::unique_ptr<replicated_state>> open(const std::filesystem::path& folder,
                                                        const settings& how,
                                                        std::unique_ptr<service_logic> logic);
  ~replicated_state() override;

  spi::log_index applied() const override;

  /// The effects are in memory when this returns; `flush` makes them durable.
  result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) override;

  /// @param query in the application's encoding; its logic answers.
  result<std::string> query(std::string_view query) const override;
  std::optional<std::string> try_query_in_memory(std::string_view query) const override;
  bool can_apply_inline() const override;

  /// Only while commands need the disk.
  bool wants_prepare() const override;
  /// Has the logic read the command's rows; see `service_logic::prepare`.
  void prepare(std::string_view command) const override;

  /// The members that were admitted, as this replica knows: those of `group_members.hpp`.
  result<std::vector<member_identity>> members() const;

  std::optional<error> admission_check(std::string_view command) const override;
  std::optional<std::string> shortage() const override;
  bool takes_space(std::string_view command) const override;
  void stamp(std::string& command, std::chrono::microseconds since_1970) const override;
  std::chrono::microseconds latest_stamp() const override;

  result<spi::log_index> flush() override;
  std::function<status()> begin_flush() override;
  result<spi::log_index> end_flush(const status& written) override;
  bool flush_due() const override;

  /// Makes a RocksDB checkpoint, which on the same disk links files instead of copying them.
  result<spi::log_index> save(const std::filesystem::path& folder) override;
  /// Reads every block of the checkpoint's tables, because `save` links damaged tables without
  /// reading them.
  status check_saved(const std::filesystem::path& folder) const override;
  /// `folder` must be on the same disk.
  result<spi::log_index> load(const std::filesystem::path& folder) override;

  /// A hash over all rows, in hexadecimal: equal on replicas that applied the same entries. Tells
  /// accidental differences, not forged ones. Reads all of the database.
  result<std::string> digest() const;

  /// Visits the application's rows in the order of their keys, also those of `lookup_only` tables,
  /// all as they are between two batches. `apply` waits until it has ended, so a large state is
  /// better saved, and its copy opened for this.
  status visit_rows(const row_visitor& visit) const;

 private:
  struct implementation;
  explicit replicated_state(std::unique_ptr<implementation> self);

  std::unique_ptr<implementation> self_;
};

} // namespace atl
