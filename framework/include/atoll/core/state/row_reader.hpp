#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/group_birth.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rocksdb {
class Status;
}

namespace atl {

struct service_info;

/// Called with each key and value; @returns false to stop.
using row_visitor = std::function<bool(std::string_view key, std::string_view value)>;

/// What the framework knows of a state.
struct state_summary {
  std::string cluster_id;
  spi::log_index applied = 0;
  std::uint64_t time_us = 0;  ///< since 1970: the latest of all commands' stamps
  std::uint64_t sessions = 0; ///< that haven't expired
};

/// The keys whose first byte is below this are the framework's.
inline constexpr unsigned char application_keys_begin = 0x10;

/// @param key not empty
constexpr bool is_of_framework(std::string_view key) {
  return static_cast<unsigned char>(key.front()) < application_keys_begin;
}

/// Reads rows of a consistent state. The first failure (a device, damage) is kept, and everything
/// that is read after it is missing: the framework looks at `failure` in the end, and an
/// application needn't. For one thread.
///
/// Keys are bytes, in the order of the bytes, and the first byte is at least
/// `application_keys_begin`; another key is a failure.
class row_reader {
 public:
  explicit row_reader(const service_info& service) : service_{service} {}
  row_reader(const row_reader&) = delete;
  row_reader& operator=(const row_reader&) = delete;
  virtual ~row_reader() = default;

  /// @returns false, and leaves `value` alone or empty, if there is no such row, or after a
  /// failure.
  bool get(const std::string& key, std::string& value) {
    return !failure_ && is_allowed(key) && get_row(key, value);
  }

  /// Visits the rows whose keys begin with `prefix`, in order, from the key `from` on. The visitor
  /// must not change the state. Not for keys that `service_info::lookup_only` names: a failure.
  void scan(std::string_view prefix, std::string_view from, const row_visitor& visit) {
    if (!failure_ && is_allowed(prefix))
      scan_rows(prefix, from, visit);
  }

  /// The certificate of the state's group (`encode` of a `group_birth`); empty in a state without
  /// one.
  std::string birth();

  /// All members that the state's group ever admitted, the founders included, by their ids: at most
  /// `admitted_members_max`.
  std::vector<member_identity> members();

  const std::optional<error>& failure() const { return failure_; }
  /// Is the failure that a row isn't in memory, and the disk must not be read?
  bool needs_disk() const { return needs_disk_; }
  /// Records that a row is missing or malformed: this copy of the state is damaged.
  /// @param what the subject of a sentence: "the row of a job"
  void fail_damaged(std::string_view what);

 protected:
  virtual bool get_row(const std::string& key, std::string& value) = 0;
  virtual void scan_rows(std::string_view prefix, std::string_view from,
                         const row_visitor& visit) = 0;

  bool is_allowed(std::string_view key) {
    if (!key.empty() && static_cast<unsigned char>(key.front()) >= application_keys_begin)
      return true;
    fail_reserved(key);
    return false;
  }
  void fail(const rocksdb::Status& status);
  void fail(error problem) {
    if (!failure_)
      failure_ = std::move(problem);
  }
  const service_info& service() const { return service_; }

 private:
  void fail_reserved(std::string_view key);

  const service_info& service_;
  std::optional<error> failure_;
  bool needs_disk_ = false;
};

/// Reads the state for a query.
class state_view : public row_reader {
 public:
  using row_reader::row_reader;

  virtual state_summary summary() = 0;
};

} // namespace atl
