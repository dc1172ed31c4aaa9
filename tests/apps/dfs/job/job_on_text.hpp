#pragma once

#include "job/piece_worker.hpp"
#include "job/result_joiner.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace dfs::job::testing {

/// Says how many of the next bytes to take, 1 … `most`.
using draw = std::function<std::size_t(std::size_t most)>;

struct outcome {
  job_result result;
  std::string lines; ///< as `grep` prints them
};

/// Feeds a piece in blocks, and passes its result through its encoding.
inline atl::result<piece_result> run_piece(const job_spec& spec, std::string_view piece,
                                           const draw& block_size) {
  auto worker = piece_worker::make(spec);
  REQUIRE(worker.has_value());
  for (std::size_t at = 0; at < piece.size();) {
    auto size = block_size(piece.size() - at);
    auto taken = (*worker)->add(piece.substr(at, size));
    if (!taken)
      return tl::unexpected{taken.error()};
    at += *taken;
    if (*taken < size)
      break;
  }
  auto decoded = decode_piece_result(encode((*worker)->finish()));
  REQUIRE(decoded.has_value());
  return decoded;
}

/// Runs a job on a text that is cut into pieces.
inline atl::result<outcome> run_job(const job_spec& spec, std::string_view text,
                                    const draw& piece_size, const draw& block_size) {
  outcome all;
  auto joiner = result_joiner::make(spec, [&](std::uint64_t number, std::string_view line) {
    if (spec.line_numbers)
      all.lines += std::to_string(number) + ":";
    all.lines += std::string{line} + "\n";
    return atl::status{};
  });
  REQUIRE(joiner.has_value());
  for (std::size_t at = 0; at < text.size();) {
    auto end = at + piece_size(text.size() - at);
    while (at < end) { // again for what a full piece left
      auto piece = run_piece(spec, text.substr(at, end - at), block_size);
      if (!piece)
        return tl::unexpected{piece.error()};
      REQUIRE(piece->bytes > 0);
      at += piece->bytes;
      if (auto added = joiner->add(*piece); !added)
        return tl::unexpected{added.error()};
    }
  }
  auto result = joiner->finish();
  if (!result)
    return tl::unexpected{result.error()};
  all.result = *result;
  return all;
}

} // namespace dfs::job::testing
