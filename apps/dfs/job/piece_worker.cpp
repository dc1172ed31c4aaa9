#include "job/piece_worker.hpp"

#include "job/grep_piece.hpp"
#include "job/job_limits.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs::job {

namespace {

/// For jobs whose result has a size of its own, `posix_checksum` and `word_count`.
template <class Value>
class summing_piece final : public piece_worker {
 public:
  atl::result<std::size_t> add(std::string_view block) override {
    value_.add(block);
    bytes_ += block.size();
    return block.size();
  }
  piece_result finish() override { return {bytes_, value_}; }

 private:
  Value value_;
  std::uint64_t bytes_ = 0;
};

} // namespace

atl::result<std::unique_ptr<piece_worker>> piece_worker::make(const job_spec& spec) {
  if (spec.kind == job_kind::checksum)
    return std::make_unique<summing_piece<posix_checksum>>();
  if (spec.kind == job_kind::count)
    return std::make_unique<summing_piece<word_count>>();
  auto pattern = line_pattern::compile(spec.pattern, spec.ignore_case);
  if (!pattern)
    return tl::unexpected{pattern.error()};
  return std::make_unique<grep_piece>(std::move(*pattern), spec);
}

atl::result<piece_result> work_on(const job_spec& spec, std::string_view bytes) {
  auto worker = piece_worker::make(spec);
  if (!worker)
    return tl::unexpected{worker.error()};
  while (!bytes.empty()) {
    auto block = bytes.substr(0, block_bytes_max);
    auto taken = (*worker)->add(block);
    if (!taken)
      return tl::unexpected{taken.error()};
    if (*taken < block.size())
      break;
    bytes.remove_prefix(block.size());
  }
  return (*worker)->finish();
}

tl::unexpected<atl::error> line_too_long() {
  return atl::fail(atl::errc::refused,
                   fmt::format("a line of more than {} bytes, which 'grep' doesn't take; read the "
                               "file with 'dfs cat' and search it here",
                               line_bytes_max));
}

} // namespace dfs::job
