#pragma once

#include "client/chunk_source.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string_view>

namespace dfs {

/// A part of a file. It ends at the file's end at the latest.
struct byte_range {
  std::uint64_t offset = 0;
  std::uint64_t length = std::numeric_limits<std::uint64_t>::max();
};

/// The source of a file's bytes: fills the span as far as possible; 0 means the end.
using byte_source = std::function<atl::result<std::size_t>(std::span<char>)>;
/// The destination of a file's bytes, in order.
using byte_sink = std::function<atl::status(std::string_view)>;
/// Takes away the last bytes that a destination was given, so that others come in their place.
using byte_retraction = std::function<atl::status(std::uint64_t bytes)>;
/// Progress of a transfer in bytes. The total is 0 while it is unknown.
using progress_report = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Reads an open regular file, which the caller keeps and closes, wherever its position is.
positioned_source read_at(int fd, std::string what);

/// Source and destination for an open file descriptor, which the caller keeps and closes. @param
/// what for messages
byte_source read_from(int fd, std::string what);
byte_sink write_to(int fd, std::string what);
/// For a regular file that `write_to` writes.
byte_retraction take_back_from(int fd, std::string what);

} // namespace dfs
