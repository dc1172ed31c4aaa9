#include "job/job_spec.hpp"

#include "job/job_limits.hpp"
#include "job/line_pattern.hpp"

namespace dfs::job {

std::string_view to_string(job_kind kind) {
  constexpr std::string_view names[] = {"checksum", "count", "grep"};
  return names[static_cast<std::size_t>(kind)];
}

void write(atl::spi::writer& out, const job_spec& spec) {
  out.put(spec.kind).put(spec.pattern);
  out.put(spec.ignore_case).put(spec.invert).put(spec.count_only).put(spec.line_numbers);
}

job_spec read_job_spec(atl::spi::reader& in) {
  job_spec spec;
  spec.kind = in.get_enum(job_kind_last);
  spec.pattern = in.get_string(pattern_bytes_max);
  spec.ignore_case = in.get<bool>();
  spec.invert = in.get<bool>();
  spec.count_only = in.get<bool>();
  spec.line_numbers = in.get<bool>();
  return spec;
}

atl::status check(const job_spec& spec) {
  if (spec.kind != job_kind::grep)
    return {};
  auto compiled = line_pattern::compile(spec.pattern, spec.ignore_case);
  if (!compiled)
    return tl::unexpected{compiled.error()};
  return {};
}

} // namespace dfs::job
