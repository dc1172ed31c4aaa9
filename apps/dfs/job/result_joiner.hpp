#pragma once

#include "job/job_spec.hpp"
#include "job/line_pattern.hpp"
#include "job/piece_result.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dfs::job {

/// The result of a job on a whole file.
struct job_result {
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0; ///< of `checksum`
  std::uint64_t lines = 0;    ///< of `count`
  std::uint64_t words = 0;    ///< of `count`
  std::uint64_t matches = 0;  ///< of `grep`: lines that were found
};

/// Receives the lines that `grep` finds, in order. @param number from 1; 0 unless lines are
/// numbered. An error ends the job.
using line_sink = std::function<atl::status(std::uint64_t number, std::string_view text)>;

/// Joins the results of a file's pieces, which must come in the file's order. Not thread-safe.
class result_joiner {
 public:
  /// Errors: invalid for a pattern that makes no sense.
  static atl::result<result_joiner> make(const job_spec& spec, line_sink lines);

  /// Errors: corrupt for the result of another kind of job; refused for a line that is too long;
  /// an error that the sink returns is passed on.
  atl::status add(const piece_result& piece);
  /// After the last piece. An error that the sink returns is passed on.
  atl::result<job_result> finish();

 private:
  result_joiner(const job_spec& spec, std::optional<line_pattern> pattern, line_sink lines);
  atl::status add(const found_lines& found);
  atl::status end_line();
  atl::status emit(std::uint64_t breaks_before, std::string_view text);

  job_spec spec_;
  std::optional<line_pattern> pattern_;
  line_sink lines_;
  std::uint64_t bytes_ = 0;
  posix_checksum checksum_;
  word_count count_;
  std::uint64_t matches_ = 0;
  std::uint64_t breaks_ = 0;
  std::string open_; ///< the line that the next piece goes on with
};

} // namespace dfs::job
