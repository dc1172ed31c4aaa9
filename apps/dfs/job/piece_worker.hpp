#pragma once

#include "job/job_spec.hpp"
#include "job/piece_result.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <memory>
#include <string_view>

namespace dfs::job {

/// Does a job's work on one piece of a file, which is fed in blocks of any sizes. Pure; not
/// thread-safe.
class piece_worker {
 public:
  /// Errors: invalid for a pattern that makes no sense.
  static atl::result<std::unique_ptr<piece_worker>> make(const job_spec& spec);
  virtual ~piece_worker() = default;

  /// Takes the next bytes. @returns how many it took: fewer than all of them if the result is
  /// large enough, and then the piece ends there. Errors: refused for a line that is too long.
  virtual atl::result<std::size_t> add(std::string_view block) = 0;
  /// The result; called once.
  virtual piece_result finish() = 0;
};

/// Does a job's work on bytes that are at hand.
atl::result<piece_result> work_on(const job_spec& spec, std::string_view bytes);

/// The error for a line above `line_bytes_max`.
tl::unexpected<atl::error> line_too_long();

} // namespace dfs::job
