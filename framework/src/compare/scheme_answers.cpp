#include "scheme_answers.hpp"

namespace atl::compare {

scheme_answers::scheme_answers(const spi::recovery& scheme, std::uint64_t chunk_bytes)
    : scheme_{scheme}, chunk_bytes_{chunk_bytes}, fragments_{scheme.layout().total} {}

bool scheme_answers::survives(fragment_set lost) {
  return answer_for(lost).survives;
}

std::uint32_t scheme_answers::spare(fragment_set lost) {
  return answer_for(lost).spare;
}

double scheme_answers::rebuild_bytes(fragment_set lost, std::uint32_t fragment) {
  auto& bytes = answer_for(lost).rebuild_bytes[fragment];
  if (bytes >= 0)
    return bytes;
  std::vector<spi::source> sources;
  for (std::uint32_t index = 0; index < fragments_; ++index)
    if ((lost >> index & 1) == 0)
      sources.push_back({index, 1});
  spi::fragment_range wanted{fragment, 0, scheme_.fragment_size(chunk_bytes_, fragment)};
  auto reads = scheme_.reads_to_rebuild(chunk_bytes_, wanted, sources);
  if (!reads)
    return bytes = static_cast<double>(chunk_bytes_);
  bytes = 0;
  for (auto& each : *reads)
    bytes += static_cast<double>(each.length);
  return bytes;
}

scheme_answers::answer& scheme_answers::answer_for(fragment_set lost) {
  auto found = answers_.find(lost);
  return found != answers_.end() ? found->second : answers_.emplace(lost, ask(lost)).first->second;
}

scheme_answers::answer scheme_answers::ask(fragment_set lost) const {
  answer out;
  std::vector<bool> present(fragments_);
  spi::chunk_report report;
  for (std::uint32_t index = 0; index < fragments_; ++index) {
    present[index] = (lost >> index & 1) == 0;
    if (present[index])
      report.fragments.push_back({index, index + 1, spi::fragment_state::ok});
  }
  out.survives = scheme_.enough(present);
  out.spare = scheme_.judge(report).spare;
  out.rebuild_bytes.assign(fragments_, -1);
  return out;
}

} // namespace atl::compare
