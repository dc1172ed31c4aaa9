#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/plugin_file.hpp>

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <utility>

namespace atl {

/// A file descriptor, closed with the object.
class file_descriptor {
 public:
  file_descriptor() = default;
  explicit file_descriptor(int number) : number_{number} {}
  file_descriptor(file_descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~file_descriptor();

  int number() const { return number_; }
  /// Releases the descriptor, which stays open.
  void release() { number_ = -1; }

 private:
  int number_ = -1;
};

/// A file that may be a plugin judging by its type, mode and size.
struct opened_plugin {
  file_descriptor file;
  struct stat info {};

  std::uint64_t size() const { return static_cast<std::uint64_t>(info.st_size); }
};

/// Opens the file for reading. The error is the rest of a sentence that begins with the file's
/// path.
result<opened_plugin> open_plugin_bytes(const std::filesystem::path& file);

/// Examines the bytes of an open file: `identity` if they are a plugin's, and `refusal` as the rest
/// of a sentence, empty if this program may map them.
struct plugin_judgement {
  std::optional<plugin_identity> identity;
  std::string refusal;
};
plugin_judgement judge_plugin_bytes(int file, std::uint64_t size);

} // namespace atl
