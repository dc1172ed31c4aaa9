#pragma once

#include <atoll/core/error.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace atl {

/// A data folder belongs to one node of one cluster, for good, and to one process at a time.
class data_folder {
 public:
  /// Takes the folder: makes it when it isn't there, writes down whose it is the first time, and
  /// locks it for as long as the object lives.
  /// @returns errc::refused when it belongs to another cluster or node, or another process has it.
  static result<data_folder> take(const std::filesystem::path& folder, const std::string& cluster,
                                  const std::string& node);

  data_folder(data_folder&&) noexcept;
  data_folder& operator=(data_folder&&) noexcept;
  ~data_folder();

  const std::filesystem::path& path() const { return path_; }
  /// 32 hexadecimal digits, drawn when the folder was first taken: tells a wiped disk from its
  /// former self.
  const std::string& uuid() const { return uuid_; }

 private:
  data_folder() = default;

  std::filesystem::path path_;
  std::string uuid_;
  int lock_ = -1;
};

/// 128 random bits from the operating system, as 32 hexadecimal digits.
std::string random_uuid();

} // namespace atl
