#pragma once

#include "job/line_pattern.hpp"
#include "job/piece_worker.hpp"

#include <string>

namespace dfs::job {

/// Looks for lines.
class grep_piece final : public piece_worker {
 public:
  grep_piece(line_pattern pattern, const job_spec& spec)
      : pattern_{std::move(pattern)}, spec_{spec} {}

  atl::result<std::size_t> add(std::string_view block) override;
  piece_result finish() override;

 private:
  atl::result<std::size_t> continue_line(std::string_view block, std::string& line);
  std::size_t search(std::string_view lines);
  std::size_t take_between(std::string_view lines);
  void take(std::string_view line);
  bool is_full() const;

  line_pattern pattern_;
  job_spec spec_;
  found_lines found_;
  std::string open_; ///< the beginning of a line whose end hasn't come
  std::uint64_t bytes_ = 0;
  std::size_t found_bytes_ = 0;
};

} // namespace dfs::job
