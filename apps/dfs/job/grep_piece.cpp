#include "job/grep_piece.hpp"

#include "job/job_limits.hpp"

#include <algorithm>
#include <utility>

namespace dfs::job {

namespace {

/// What a line takes in a result besides its text.
constexpr std::size_t found_line_overhead = 12;

} // namespace

bool grep_piece::is_full() const {
  return found_bytes_ >= found_bytes_max;
}

atl::result<std::size_t> grep_piece::add(std::string_view block) {
  std::size_t used = 0;
  if (!is_full() && !found_.has_break) {
    auto taken = continue_line(block, found_.head);
    if (!taken)
      return taken;
    used = *taken;
    found_.has_break = used > 0 && block[used - 1] == '\n';
    if (found_.has_break) {
      found_.head.pop_back();
      found_.breaks += spec_.line_numbers;
    }
  }
  if (!is_full() && found_.has_break && !open_.empty()) {
    auto taken = continue_line(block, open_);
    if (!taken)
      return taken;
    used = *taken;
    if (open_.ends_with('\n')) {
      search(open_);
      open_.clear();
    }
  }
  if (auto last = block.rfind('\n'); !is_full() && last != block.npos && used <= last)
    used += search(block.substr(used, last + 1 - used));
  if (!is_full() && used < block.size()) {
    auto taken = continue_line(block.substr(used), open_);
    if (!taken)
      return taken;
    used += *taken;
  }
  bytes_ += used;
  return used;
}

/// Appends to a line up to its line break, which is included.
atl::result<std::size_t> grep_piece::continue_line(std::string_view block, std::string& line) {
  auto end = block.find('\n');
  auto part = block.substr(0, end == block.npos ? end : end + 1);
  if (line.size() + part.size() > line_bytes_max)
    return line_too_long();
  line += part;
  return part.size();
}

/// @param lines whole lines, with their line breaks. @returns how many bytes of them it took
std::size_t grep_piece::search(std::string_view lines) {
  std::size_t at = 0;
  while (at < lines.size() && !is_full()) {
    auto rest = lines.substr(at);
    auto match = pattern_.find(rest.substr(0, rest.size() - 1));
    auto before = rest.substr(0, match ? match->begin : rest.size());
    auto passed = take_between(before);
    at += passed;
    if (passed < before.size() || !match)
      continue;
    auto line = rest.substr(match->begin, match->end - match->begin);
    if (!spec_.invert)
      take(line);
    found_.breaks += spec_.line_numbers;
    at += line.size() + 1;
  }
  return at;
}

/// Passes lines that don't match.
std::size_t grep_piece::take_between(std::string_view lines) {
  if (!spec_.invert) {
    if (spec_.line_numbers)
      found_.breaks += static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
    return lines.size();
  }
  std::size_t at = 0;
  while (at < lines.size() && !is_full()) {
    auto end = lines.find('\n', at);
    take(lines.substr(at, end - at));
    found_.breaks += spec_.line_numbers;
    at = end + 1;
  }
  return at;
}

void grep_piece::take(std::string_view line) {
  ++found_.matches;
  if (spec_.count_only)
    return;
  found_.lines.push_back({found_.breaks, std::string{line}});
  found_bytes_ += line.size() + found_line_overhead;
}

piece_result grep_piece::finish() {
  found_.tail = std::move(open_);
  return {bytes_, std::move(found_)};
}

} // namespace dfs::job
