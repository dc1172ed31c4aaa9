#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/state/row_reader.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

/// A backup of a replicated state: a file with the application's rows, from which the members of a
/// new group begin. It holds neither sessions nor members, which belong to the former group.
namespace atl {

struct service_info;

/// What a backup says of itself.
struct backup_info {
  std::string id;      ///< random: files with the same id are copies of each other
  std::string service; ///< as in `service_info`
  std::uint32_t service_version = 0;
  std::string cluster;          ///< the cluster's name
  std::string group;            ///< whose state it was (`group_birth::group`)
  spi::log_index log_index = 0; ///< of the last entry in the state
  std::uint64_t time_us = 0;    ///< the state's time, since 1970

  friend bool operator==(const backup_info&, const backup_info&) = default;
};

/// Whether a service can use a backup. Errors: refused for one of another service or version.
status check_backup(const backup_info& backup, const service_info& service);

/// Makes the bytes of a backup, block by block: `begin`, rows, `end`. Each block's checksum goes on
/// from the one before, so that a block that is missing is noticed.
class backup_writer {
 public:
  std::string begin(const backup_info& what);
  /// Adds a row to the next block. @pre the keys come in their order
  void add(std::string_view key, std::string_view value);
  /// Has the next block enough rows?
  bool is_full() const;
  /// The block of the rows that were added since the last one.
  std::string take_rows();
  std::string end();

 private:
  std::string block(std::uint8_t kind, const std::string& content);

  std::string rows_;
  std::uint64_t count_ = 0;
  std::uint32_t crc_ = 0;
};

/// A backup in a file, which may be damaged or no backup at all.
class backup_file {
 public:
  /// Reads the head. Errors: corrupt for a file that is none or is damaged, refused for one of
  /// another version.
  static result<backup_file> open(const std::filesystem::path& file);

  const backup_info& info() const { return info_; }
  /// Visits the rows until the visitor returns false. Errors: corrupt if the file is damaged or
  /// ends early; the rows before that were visited.
  status visit_rows(const row_visitor& visit) const;
  /// Reads everything. Errors: as of `visit_rows`.
  status check() const;

 private:
  std::filesystem::path file_;
  backup_info info_;
};

} // namespace atl
