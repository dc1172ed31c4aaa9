#pragma once

#include "plugin_bytes.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/plugin_file.hpp>

#include <filesystem>

namespace atl {

/// A private copy of a plugin's bytes, in memory and sealed. What was judged is what is mapped, and
/// a later write into the file (`cp new.so old.so`) changes nothing here. Code that is mapped from
/// the file itself changes with the file, and the process dies.
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
