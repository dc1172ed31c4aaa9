#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace atl {

/// Whose data a folder holds.
struct data_owner {
  std::string application; ///< `dfs`
  std::string cluster;
  std::string node;
  /// For messages: what an operator does to replace a node whose disk is lost, as the end of a
  /// sentence.
  std::string replace_advice = "replace it in its groups";
};

/// A data folder belongs to one node of one cluster of one application, for good, and to one
/// process at a time.
class data_folder {
 public:
  /// Creates the folder if it doesn't exist, stores the owner's identity in it the first time, and
  /// locks it until the object is destroyed.
  /// @returns errc::refused if it belongs to another application, cluster or node, if another
  /// process has locked it, or if it holds data without an identity. A folder whose application
  /// isn't recorded, by an earlier release, gets that of the owner.
  static result<data_folder> lock(const std::filesystem::path& folder, const data_owner& owner);

  /// Whether a part (`chunks`, `groups/ID/log`: a folder within this one) is there, if it ever held
  /// data.
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

  /// The group whose log and state the folder holds for a role; empty: none. See
  /// `group_folder.hpp`.
  std::string group_of(const std::string& role) const;
  /// Writes down, for good, that the folder holds the log and the state of a role's group, and that
  /// these parts hold data; `former` parts are forgotten. Durable when it returns.
  status note_group(const std::string& role, const std::string& group,
                    const std::set<std::string>& parts, const std::set<std::string>& former = {});
  /// The groups of all roles.
  std::set<std::string> groups() const;

 private:
  data_folder() = default;
  status write_identity() const;

  std::filesystem::path path_;
  data_owner owner_;
  std::string uuid_;
  std::string group_;
  std::map<std::string, std::string> groups_; ///< by role
  std::set<std::string> parts_;               ///< the parts that hold data
  int lock_ = -1;
};

/// The group that a data folder's data belongs to, read without taking the folder.
/// @returns an empty text where the folder is missing, empty, or belongs to none.
result<std::string> group_of_folder(const std::filesystem::path& folder);

/// 128 random bits from the operating system, as 32 hexadecimal digits.
std::string random_uuid();

} // namespace atl
