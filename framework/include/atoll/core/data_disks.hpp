#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/identity.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace atl {

/// One data folder of a node that keeps its data on several disks.
struct data_disk {
  std::filesystem::path path; ///< as configured
  std::string id;             ///< 32 hexadecimal digits, as on its mark; empty: it has none
  std::string problem;        ///< why the node goes on without it; empty: it is in use
  bool is_new = false;        ///< it had no mark before this start

  bool is_used() const { return problem.empty(); }
};

/// The data folders of a node that keeps its data on several disks. Each belongs to one process at
/// a time, and carries the same identity of the node and the list of all its disks, so that the
/// loss of any disk loses neither; of marks that differ, the one that was written last holds. A
/// disk is recognised by its mark, wherever it is mounted.
///
/// A listed folder that is gone, can't be read, or can't be written to is left out: the node goes
/// on with the others, as long as there is one. An empty folder is taken into use as a new disk.
class data_disks {
 public:
  /// @param folders absolute, each once
  /// @param gives_up_missing disks of the node that `folders` names no more are given up
  /// @returns errc::refused if a folder belongs to another application, cluster or node or is in
  /// use by another process, if two folders are copies of one disk, or if a disk that held data
  /// isn't named any more and isn't given up; errc::io if no disk can be used.
  static result<data_disks> lock(const std::vector<std::filesystem::path>& folders,
                                 const data_owner& owner, bool gives_up_missing);
  /// Does the folder carry the mark of one of several disks?
  static bool is_marked(const std::filesystem::path& folder);

  data_disks(data_disks&&) noexcept;
  data_disks& operator=(data_disks&&) noexcept;
  ~data_disks();

  /// In the order of `folders`.
  const std::vector<data_disk>& all() const { return disks_; }
  /// The disks that this start has given up.
  std::size_t given_up() const { return given_up_; }

  // These mean for the node what they mean in `data_folder`. Changes are written to every disk in
  // use; an error says that no disk has the change.
  const std::string& uuid() const { return uuid_; }
  const std::string& group() const { return group_; }
  status join_group(const std::string& group);
  /// Moves what all disks hold aside. @pre nothing of it is in use
  /// @returns errc::refused if some disks hold data and another one is new or isn't used: then it
  /// is hardly meant.
  status put_aside();

  // These mean for one disk, named by its place in `all`, what they mean in `data_folder`.
  status check_part(std::size_t disk, const std::string& part) const;
  status note_part(std::size_t disk, const std::string& part);
  /// The part holds nothing any more, so that the disk may be taken away.
  status forget_part(std::size_t disk, const std::string& part);

 private:
  /// What the marks say of a disk.
  struct known_disk {
    std::string id;
    std::string path;
    bool is_mounted = false; ///< it was on another file system than the root
    std::set<std::string> parts;
  };
  struct found_mark;

  data_disks() = default;
  status take(std::size_t disk, std::vector<found_mark>& marks);
  status agree(const std::vector<found_mark>& marks);
  void adopt(const found_mark& newest);
  status take_missing_or_new(std::size_t disk);
  status drop_unlisted(bool gives_up_missing);
  status write_marks();
  status check_all_known() const;
  std::size_t disks_used() const;
  known_disk* known(const std::string& id);
  const known_disk* known_at(const std::filesystem::path& path) const;

  data_owner owner_;
  std::vector<data_disk> disks_;
  std::vector<int> locks_; ///< by disk; -1: none
  std::vector<known_disk> known_;
  std::string uuid_;
  std::string group_;
  std::uint64_t revision_ = 0; ///< of the mark that was written last
  std::size_t given_up_ = 0;
};

} // namespace atl
