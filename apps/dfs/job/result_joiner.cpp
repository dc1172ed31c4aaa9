#include "job/result_joiner.hpp"

#include "job/job_limits.hpp"
#include "job/piece_worker.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::job {

result_joiner::result_joiner(const job_spec& spec, std::optional<line_pattern> pattern,
                             line_sink lines)
    : spec_{spec}, pattern_{std::move(pattern)}, lines_{std::move(lines)} {}

atl::result<result_joiner> result_joiner::make(const job_spec& spec, line_sink lines) {
  if (spec.kind != job_kind::grep)
    return result_joiner{spec, std::nullopt, nullptr};
  auto pattern = line_pattern::compile(spec.pattern, spec.ignore_case);
  if (!pattern)
    return tl::unexpected{pattern.error()};
  return result_joiner{spec, std::move(*pattern), std::move(lines)};
}

atl::status result_joiner::add(const piece_result& piece) {
  if (piece.value.index() != static_cast<std::size_t>(spec_.kind))
    return atl::fail(atl::errc::corrupt, fmt::format("a node answered a piece of the job '{}' with "
                                                     "the result of another kind of job",
                                                     to_string(spec_.kind)));
  bytes_ += piece.bytes;
  if (auto* checksum = std::get_if<posix_checksum>(&piece.value))
    checksum_.append(*checksum);
  else if (auto* count = std::get_if<word_count>(&piece.value))
    count_.append(*count);
  else
    return add(std::get<found_lines>(piece.value));
  return {};
}

atl::status result_joiner::add(const found_lines& found) {
  if (open_.size() + found.head.size() + found.has_break > line_bytes_max)
    return line_too_long();
  open_ += found.head;
  if (!found.has_break)
    return {};
  auto breaks_before = breaks_;
  if (auto ended = end_line(); !ended)
    return ended;
  matches_ += found.matches;
  for (auto& it : found.lines)
    if (auto taken = emit(breaks_before + it.line, it.text); !taken)
      return taken;
  breaks_ = breaks_before + found.breaks;
  open_ = found.tail;
  return {};
}

/// Judges the line that was put together from several pieces.
atl::status result_joiner::end_line() {
  auto line = std::exchange(open_, {});
  if (pattern_->find(line).has_value() == spec_.invert)
    return {};
  ++matches_;
  return spec_.count_only ? atl::status{} : emit(breaks_, line);
}

atl::status result_joiner::emit(std::uint64_t breaks_before, std::string_view text) {
  return lines_(spec_.line_numbers ? breaks_before + 1 : 0, text);
}

atl::result<job_result> result_joiner::finish() {
  if (!open_.empty())
    if (auto ended = end_line(); !ended)
      return tl::unexpected{ended.error()};
  return job_result{bytes_, checksum_.value(), count_.lines, count_.words, matches_};
}

} // namespace dfs::job
