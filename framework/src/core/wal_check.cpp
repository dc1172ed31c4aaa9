#include "wal_check.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

namespace {

namespace fs = std::filesystem;

// RocksDB's documented format of a log: blocks of 32 KiB with records of checksum (4 bytes), length
// (2) and type (1); where a block has less room left than a header takes, the rest is padding. A
// write that doesn't fit into a block is a first record, some in the middle and a last one.
constexpr std::size_t block_bytes = 32 << 10;
constexpr std::size_t header_bytes = 7;
constexpr std::size_t sector_bytes = 512;
/// Fewer zeros in a sector may be what was written.
constexpr std::size_t zeros_that_tell = 8;
enum record_type : unsigned char { none = 0, full = 1, first = 2, middle = 3, last_known = 11 };

struct header {
  std::uint32_t crc = 0;
  std::size_t length = 0;
  unsigned char type = none;
};

header header_at(std::string_view text, std::size_t at) {
  header it;
  std::uint32_t masked = 0;
  std::uint16_t length = 0;
  std::memcpy(&masked, text.data() + at, sizeof masked);
  std::memcpy(&length, text.data() + at + 4, sizeof length);
  masked -= 0xa282ead8U;
  it.crc = masked >> 17 | masked << 15;
  it.length = length;
  it.type = static_cast<unsigned char>(text[at + 6]);
  return it;
}

std::size_t end_of_block(std::string_view log, std::size_t at) {
  return std::min(log.size(), (at / block_bytes + 1) * block_bytes);
}

std::uint32_t crc_of(std::string_view log, std::size_t at, const header& it) {
  return crc32c(log.substr(at + 6, 1 + it.length));
}

bool all_zero(std::string_view text) {
  return text.find_first_not_of('\0') == text.npos;
}

/// How far a log can be read.
struct reading {
  std::size_t end = 0;       ///< of the last good record
  bool within_write = false; ///< are further records of a write expected?
  bool cut_off = false;      ///< does the file end within a record?
  bool plausible = false;    ///< is there a plausible header at `end`?
  std::string found; ///< what is at `end` instead of a record; empty: zeros, or the file's end
};

reading read(std::string_view log) {
  reading it;
  while (it.end < log.size()) {
    auto block_end = end_of_block(log, it.end);
    if (block_end - it.end < header_bytes) {
      it.cut_off = block_end % block_bytes != 0 && !all_zero(log.substr(it.end));
      it.end = it.cut_off ? it.end : block_end;
      if (it.cut_off)
        return it;
      continue;
    }
    auto record = header_at(log, it.end);
    if (record.type == none && record.length == 0)
      return it;
    if (record.type > last_known || record.type == none) {
      it.found = fmt::format("a record of type {}, which there isn't", record.type);
      return it;
    }
    auto record_end = it.end + header_bytes + record.length;
    if (record_end > block_end) {
      it.cut_off = block_end % block_bytes != 0;
      it.found = fmt::format("a record of {} bytes in a block that has {} left", record.length,
                             block_end - it.end - header_bytes);
      return it;
    }
    it.plausible = true;
    if (auto crc = crc_of(log, it.end, record); crc != record.crc) {
      it.found = fmt::format("a record has the checksum {:08x}, and its bytes have {:08x}",
                             record.crc, crc);
      return it;
    }
    it.plausible = false;
    it.within_write = record.type == first || (record.type == middle && it.within_write);
    it.end = record_end;
  }
  return it;
}

/// Does a write begin anywhere after this offset? In the first block it may begin at any byte.
bool write_begins_behind(std::string_view log, std::size_t from) {
  auto begins_at = [&](std::size_t at) {
    auto record = header_at(log, at);
    return (record.type == full || record.type == first) && record.length > 0 &&
           at + header_bytes + record.length <= end_of_block(log, at) &&
           crc_of(log, at, record) == record.crc;
  };
  auto at = from;
  for (auto end = end_of_block(log, from); at + header_bytes <= end; ++at)
    if (begins_at(at))
      return true;
  for (at = end_of_block(log, from); at < log.size(); at = end_of_block(log, at))
    for (auto next = at; next + header_bytes <= end_of_block(log, at);) {
      if (begins_at(next))
        return true;
      auto record = header_at(log, next);
      if (record.type == none || record.length == 0)
        break;
      next += header_bytes + record.length;
    }
  return false;
}

/// Does a sector of the expected record still have the content from before the write?
bool sector_missing(std::string_view log, const reading& it) {
  auto extent = it.plausible ? header_bytes + header_at(log, it.end).length : header_bytes;
  auto end = std::min(log.size(), it.end + extent);
  for (auto at = it.end; at < end;) {
    auto next = std::min(end, (at / sector_bytes + 1) * sector_bytes);
    if ((next - at >= zeros_that_tell || !it.plausible) && all_zero(log.substr(at, next - at)))
      return true;
    at = next;
  }
  return false;
}

/// @param newest is this the newest log? Only a write to the newest log can have been interrupted
result<std::optional<torn_tail>> check(const fs::path& file, std::string_view log, bool newest) {
  auto it = read(log);
  auto rest_is_zero = all_zero(log.substr(it.end));
  if (rest_is_zero && !it.within_write)
    return std::optional<torn_tail>{};
  auto hole = it.found.empty() && !it.cut_off;
  auto torn = newest && !write_begins_behind(log, std::min(it.end + 1, log.size())) &&
              (hole || it.cut_off || sector_missing(log, it));
  if (torn)
    return std::optional{torn_tail{file, it.end}};
  return fail(errc::corrupt, fmt::format("{}, offset {}: {}", file.filename().string(), it.end,
                                         !it.found.empty() ? it.found
                                         : it.cut_off      ? "the file ends within a record"
                                                           : "zeros within what was written"));
}

result<std::string> contents(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text)
    return tl::unexpected{system_error(errno, "reading " + file.string())};
  return std::move(text).str();
}

} // namespace

result<std::optional<torn_tail>> check_wal(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator it{folder, failed}, end; !failed && it != end; it.increment(failed))
    if (it->path().extension() == ".log" && it->file_size(failed) > 0)
      files.push_back(it->path());
  std::sort(files.begin(), files.end(), std::greater{});
  std::optional<torn_tail> torn;
  auto newest = true;
  for (auto& file : files) {
    auto log = contents(file);
    if (!log)
      return tl::unexpected{log.error()};
    auto found = check(file, *log, newest);
    if (!found)
      return found;
    torn = torn ? torn : *found;
    newest = newest && all_zero(*log);
  }
  return torn;
}

} // namespace atl
