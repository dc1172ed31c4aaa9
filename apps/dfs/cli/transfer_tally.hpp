#pragma once

#include "cli/progress.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <mutex>
#include <string_view>

namespace dfs::cli {

/// Collects the outcomes of the files of a `put` or `get`: reports each failure at once, while the
/// other files continue; the first failure decides the exit code. Thread-safe.
class transfer_tally {
 public:
  void succeed(std::uint64_t bytes);
  void fail(const atl::error& problem);

  /// Has the cluster left too many files in a row unanswered?
  bool has_given_up() const;
  /// Prints the totals. @param verb such as `stored`. @returns the exit code.
  int finish(const context& with, std::string_view verb) const;
  int code() const;

 private:
  mutable std::mutex mutex_; ///< guards what follows
  transfer_size done_;
  std::uint64_t failures_ = 0;
  int consecutive_unanswered_ = 0;
  int code_ = 0;
};

} // namespace dfs::cli
