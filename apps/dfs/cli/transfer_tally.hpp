#pragma once

#include "cli/progress.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string_view>

namespace dfs::cli {

/// What became of the files of one `put` or `get`: a failure is said at once, the others go on, and
/// the first failure decides the exit code.
class transfer_tally {
 public:
  void succeed(std::uint64_t bytes);
  void fail(const atl::error& problem);

  /// Has the cluster left too many files in a row without an answer to go on?
  bool has_given_up() const;
  /// Says how much was done. @param verb such as `stored`. @returns the exit code.
  int finish(const context& with, std::string_view verb) const;
  int code() const { return code_; }

 private:
  transfer_size done_;
  std::uint64_t failures_ = 0;
  int unanswered_in_a_row_ = 0;
  int code_ = 0;
};

} // namespace dfs::cli
