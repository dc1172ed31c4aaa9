#pragma once

#include "job/posix_checksum.hpp"
#include "job/word_count.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs::job {

/// A line that a job looks for.
struct found_line {
  std::uint64_t line = 0; ///< line breaks before it in the piece; 0 unless lines are numbered
  std::string text;       ///< without its line break

  friend bool operator==(const found_line&, const found_line&) = default;
};

/// What `grep` finds in a piece. The line that the piece begins in, and the one that it ends in,
/// can be judged only together with the neighbouring pieces.
struct found_lines {
  std::string head;              ///< up to the first line break, without it
  bool has_break = false;        ///< false: `head` is the whole piece
  std::string tail;              ///< after the last line break
  std::uint64_t breaks = 0;      ///< line breaks; 0 unless lines are numbered
  std::uint64_t matches = 0;     ///< of the lines between
  std::vector<found_line> lines; ///< empty if they are only counted

  friend bool operator==(const found_lines&, const found_lines&) = default;
};

/// What a job says of one piece of a file.
struct piece_result {
  /// How much of the range it says something of, from the beginning: less than all of it if there
  /// was too much to say.
  std::uint64_t bytes = 0;
  std::variant<posix_checksum, word_count, found_lines> value; ///< by `job_kind`
};

std::string encode(const piece_result& result);
/// Reads hostile bytes: errc::corrupt for anything malformed.
atl::result<piece_result> decode_piece_result(std::string_view bytes);

} // namespace dfs::job
