#pragma once

#include "plugin_bytes.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/plugin_file.hpp>

#include <filesystem>

namespace atl {

/// A private, sealed copy of a plugin's bytes in memory. The bytes that were judged are the bytes
/// that are mapped: a later write into the file (`cp new.so old.so`) would change code that is
/// mapped from the file itself, and crash the process.
class plugin_image {
 public:
  /// Copies a plugin that `inspect_plugin` did not refuse, and judges the copy again.
  static result<plugin_image> copy_of(const plugin_file& plugin);

  plugin_image(plugin_image&&) noexcept = default;
  plugin_image& operator=(plugin_image&&) noexcept = delete;
  /// Destroy what was mapped from the image first.
  ~plugin_image();

  int file() const { return file_.number(); }
  std::uint64_t size() const { return size_; }

  /// Where the dynamic linker finds the copy while this object lives.
  const std::filesystem::path& path() const { return path_; }

 private:
  plugin_image(file_descriptor file, std::uint64_t size);

  file_descriptor file_;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

} // namespace atl
