#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace dfs {

/// Reads bytes from an offset on: fills the span as far as there are any. May be called for the
/// same bytes again, and by several threads at once.
using positioned_source =
    std::function<atl::result<std::size_t>(std::uint64_t offset, std::span<char> into)>;

/// The bytes of a chunk that is to be stored: in memory, or to be read from a file, as often as
/// the chunk must be sent.
struct chunk_source {
  std::uint64_t size = 0;
  std::string_view in_memory; ///< all of it; empty: it is read by `read`
  positioned_source read{};   ///< from an offset within the chunk on

  explicit chunk_source(std::string_view bytes) : size{bytes.size()}, in_memory{bytes} {}
  chunk_source(std::uint64_t bytes, positioned_source from) : size{bytes}, read{std::move(from)} {}

  bool is_in_memory() const { return !read; }
};

} // namespace dfs
