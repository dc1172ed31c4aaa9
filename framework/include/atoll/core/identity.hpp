#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <memory>
#include <set>
#include <string>

namespace atl {

/// A data folder belongs to one node of one cluster, for good, and to one process at a time.
class data_folder {
 public:
  /// Creates the folder if it doesn't exist, stores the owner's identity in it the first time, and
  /// locks it until the object is destroyed.
  /// @returns errc::refused if it belongs to another cluster or node, if another process has locked
  /// it, or if it holds data without an identity.
  static result<data_folder> lock(const std::filesystem::path& folder, const std::string& cluster,
                                  const std::string& node);

  /// Whether a part (`log`, `chunks`: a folder within this one) is there, if it ever held data.
  /// @returns errc::refused when it held data and is gone or empty now: the part may be on a
  /// separate disk that isn't mounted, and an empty folder must not take its place.
  status check_part(const std::string& part) const;
  /// Writes down, for good, that a part holds data. Durable when it returns.
  status note_part(const std::string& part);

  /// Moves the content of the folder into a folder `former-<uuid>` within it. The folder is then
  /// empty, has a new identity, and belongs to no group. After a crash in between, the folder is
  /// the former one, and the call can be repeated.
  status put_aside();

  data_folder(data_folder&&) noexcept;
  data_folder& operator=(data_folder&&) noexcept;
  ~data_folder();

  const std::filesystem::path& path() const { return path_; }
  /// 32 hexadecimal digits, drawn when the folder was first taken: distinguishes a wiped disk from
  /// the disk before it was wiped.
  const std::string& uuid() const { return uuid_; }
  /// The group that the folder's data belongs to (`group_birth::group`); empty: none yet.
  const std::string& group() const { return group_; }
  /// Writes down, for good, which group the folder's data belongs to. Durable when it returns.
  /// @pre the folder belongs to no group, or to this group.
  status join_group(const std::string& group);

 private:
  data_folder() = default;
  status write_identity() const;

  std::filesystem::path path_;
  std::string cluster_;
  std::string node_;
  std::string uuid_;
  std::string group_;
  std::set<std::string> parts_; ///< the parts that hold data
  int lock_ = -1;
};

/// The group that a data folder's data belongs to, read without taking the folder.
/// @returns an empty text where the folder is missing, empty, or belongs to none.
result<std::string> group_of_folder(const std::filesystem::path& folder);

/// 128 random bits from the operating system, as 32 hexadecimal digits.
std::string random_uuid();

} // namespace atl
