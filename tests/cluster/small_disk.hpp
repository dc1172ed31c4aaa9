#pragma once

#include <cstdint>
#include <filesystem>

/// A disk of a few mebibytes, in memory, mounted for this process and its children alone.
class small_disk {
 public:
  /// Whether disks can be mounted here: that wants root.
  static bool possible();

  /// @param folder made if it is missing
  small_disk(std::filesystem::path folder, std::uint64_t mebibytes);
  ~small_disk();
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  std::uint64_t free_bytes() const;
  /// Another program takes what is free, but for so many bytes.
  void fill(std::uint64_t bytes_left);
  void remove_filler();

 private:
  std::filesystem::path folder_;
};
