#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace dfs::job {

enum class job_kind : std::uint8_t {
  checksum, ///< the checksum of POSIX `cksum`
  count,    ///< lines, words and bytes, as `LC_ALL=C wc`
  grep,     ///< lines that match a pattern, as `LC_ALL=C grep -aE`
};
inline constexpr job_kind job_kind_last = job_kind::grep;

/// `checksum`, `count`, `grep`.
std::string_view to_string(job_kind kind);

/// What a job does to a file. All but `kind` is for `grep`.
struct job_spec {
  job_kind kind = job_kind::checksum;
  std::string pattern{}; ///< as `line_pattern` takes it
  bool ignore_case = false;
  bool invert = false;       ///< the lines that don't match
  bool count_only = false;   ///< their number alone
  bool line_numbers = false; ///< each with its number

  friend bool operator==(const job_spec&, const job_spec&) = default;
};

void write(atl::spi::writer& out, const job_spec& spec);
/// Reads hostile bytes; the pattern may still make no sense.
job_spec read_job_spec(atl::spi::reader& in);

/// Errors: invalid, with what is wrong with the pattern.
atl::status check(const job_spec& spec);

} // namespace dfs::job
