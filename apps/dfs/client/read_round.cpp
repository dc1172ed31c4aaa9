#include "client/read_round.hpp"

#include <fmt/format.h>

namespace dfs {

using atl::errc;

/// What several attempts have told is said once.
void read_round::add_problem(std::string_view what) {
  if (problems.find(what) != problems.npos)
    return;
  problems += problems.empty() ? "" : "; ";
  problems += what;
}

void read_round::add_failure(const failed_attempt& failed) {
  auto code = failed.why.code;
  damaged = damaged || code == errc::corrupt;
  busy = busy || code == errc::busy;
  unreached = unreached || (code != errc::corrupt && code != errc::not_found);
  add_problem(fmt::format("fragment {} on storage node {}: {}", failed.at.fragment, failed.at.node,
                          failed.why.message));
}

void read_round::add_unknown_node(const fragment_holder& holder) {
  unreached = true;
  add_problem(fmt::format("fragment {} is on storage node {}, which the masters haven't heard of "
                          "since they started",
                          holder.fragment, holder.node));
}

void read_round::add_wrong_combinations(std::size_t count, std::uint32_t crc) {
  if (count == 0)
    return;
  damaged = true;
  add_problem(
      fmt::format("none of the {} combinations of fragments that were tried gives data with "
                  "the chunk's checksum {:08x}",
                  count, crc));
}

atl::error read_round::verdict(const chunk_id& chunk) const {
  auto known = problems.empty() ? "it is stored nowhere" : problems;
  if (unreached)
    return {busy ? errc::busy : errc::unavailable,
            fmt::format("chunk {} can't be read at the moment: {}", to_string(chunk), known)};
  if (damaged)
    return {errc::corrupt, fmt::format("chunk {} is damaged, and no replica is in order: {}",
                                       to_string(chunk), known)};
  return {errc::corrupt,
          fmt::format("chunk {} is lost: all its storage nodes answered, and too few have a "
                      "fragment of it any more: {}",
                      to_string(chunk), known)};
}

} // namespace dfs
