#pragma once

#include <cstdint>
#include <filesystem>

/// A disk of a few mebibytes in memory, mounted only for this process and its children.
class small_disk {
 public:
  /// Whether disks can be mounted here, which requires root.
  static bool possible();

  /// @param folder the mount point, created if it is missing
  small_disk(std::filesystem::path folder, std::uint64_t mebibytes);
  ~small_disk();
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  std::uint64_t free_bytes() const;
  /// Fills the free space except for so many bytes.
  void fill(std::uint64_t bytes_left);
  void remove_filler();

 private:
  std::filesystem::path folder_;
};
