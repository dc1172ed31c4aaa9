#pragma once

#include <atoll/spi/random.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The content of a file in a storm of kills: a number from which its bytes are made. 0 stands for
/// no file.
using storm_content = std::uint64_t;

/// The bytes of a content. @pre it isn't 0
std::string storm_bytes(storm_content which);

/// The effect of an operation on one name.
struct storm_effect {
  std::string path;
  storm_content before = 0;
  storm_content after = 0;
};

/// An operation on files: all its effects happen, or none does.
using storm_operation = std::vector<storm_effect>;

/// What a client learns about an operation.
enum class storm_outcome : std::uint8_t {
  done,
  not_done, ///< it failed without an effect
  unknown,  ///< it may take effect, now or later
};

/// The files of one client, which alone changes them, as they must be by what it was told. A name
/// is left alone once the outcome of an operation on it is unknown.
class storm_files {
 public:
  /// @param folder the path of the directory with the client's names
  storm_files(std::string folder, std::uint64_t seed);

  /// A random operation: a new file, another content, a removal or a rename.
  storm_operation next_operation();
  void note(const storm_operation& what, storm_outcome outcome);
  /// One of the files, to be read; none: there is no file whose content is known.
  std::optional<storm_effect> any_file();

  /// The files that must be there, with the content in `after`.
  const std::vector<storm_effect>& files() const { return files_; }
  /// Names that must not exist.
  const std::vector<std::string>& removed() const { return removed_; }
  const std::vector<storm_operation>& unknown() const { return unknown_; }

 private:
  storm_effect new_file();

  std::string folder_;
  atl::spi::random_source random_;
  std::uint64_t last_name_ = 0;
  std::vector<storm_effect> files_; ///< `before` and `after` are both the content
  std::vector<std::string> removed_;
  std::vector<storm_operation> unknown_;
};
