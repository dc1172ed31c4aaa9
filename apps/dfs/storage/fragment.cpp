#include "storage/fragment.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace dfs {

namespace {

constexpr std::uint64_t trailer_magic = 0x746e656d67617266; // "fragment"
constexpr std::uint32_t format_version = 1;
constexpr std::size_t trailer_size = 56;

std::string_view as_text(const std::vector<std::uint32_t>& crcs) {
  return {reinterpret_cast<const char*>(crcs.data()), crcs.size() * sizeof(std::uint32_t)};
}

std::string encode_trailer(const fragment_info& info) {
  atl::spi::writer out;
  out.put(trailer_magic).put(format_version).put(info.key.fragment);
  out.put(info.key.chunk.made_us).put(info.key.chunk.random).put(info.size);
  out.put(static_cast<std::uint32_t>(block_size)).put(std::uint32_t{0});
  out.put(atl::crc32c(as_text(info.block_crcs)));
  out.put(atl::crc32c(out.view()));
  return out.take();
}

struct trailer {
  fragment_info info; ///< without the table
  std::uint32_t table_crc = 0;
};

atl::result<trailer> decode_trailer(std::string_view bytes) {
  auto corrupt = [](std::string what) { return atl::fail(atl::errc::corrupt, std::move(what)); };
  atl::spi::reader in{bytes};
  trailer out;
  auto magic = in.get<std::uint64_t>();
  auto version = in.get<std::uint32_t>();
  out.info.key.fragment = in.get<std::uint32_t>();
  out.info.key.chunk.made_us = in.get<std::uint64_t>();
  out.info.key.chunk.random = in.get<std::uint64_t>();
  out.info.size = in.get<std::uint64_t>();
  auto block = in.get<std::uint32_t>();
  in.get<std::uint32_t>();
  out.table_crc = in.get<std::uint32_t>();
  auto crc = in.get<std::uint32_t>();
  if (!in.done() || magic != trailer_magic)
    return corrupt("the file does not end in a fragment's trailer");
  if (crc != atl::crc32c(bytes.substr(0, trailer_size - sizeof(crc))))
    return corrupt("the trailer does not match its checksum");
  if (version != format_version || block != block_size)
    return corrupt(fmt::format("the file is of format {} with blocks of {} bytes, readable is "
                               "format {} with {}",
                               version, block, format_version, block_size));
  return out;
}

} // namespace

std::string to_string(const fragment_key& key) {
  return fmt::format("{}.{}", to_string(key.chunk), key.fragment);
}

std::optional<fragment_key> parse_fragment_key(std::string_view text) {
  auto dot = text.find('.');
  if (dot == text.npos)
    return std::nullopt;
  auto chunk = parse_chunk_id(text.substr(0, dot));
  auto digits = text.substr(dot + 1);
  std::uint32_t fragment = 0;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), fragment);
  if (!chunk || failed != std::errc{} || fragment > fragment_index_max)
    return std::nullopt;
  fragment_key key{*chunk, fragment};
  // Accepts only the spelling that this program writes: "7", not "007" or "7.bak".
  return to_string(key) == text ? std::optional{key} : std::nullopt;
}

std::uint32_t block_crc(std::span<const std::byte> block) {
  return atl::crc32c({reinterpret_cast<const char*>(block.data()), block.size()});
}

std::vector<std::uint32_t> block_crcs(std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> crcs;
  crcs.reserve(block_count(bytes.size()));
  for (std::size_t at = 0; at < bytes.size(); at += block_size)
    crcs.push_back(block_crc(bytes.subspan(at, std::min(block_size, bytes.size() - at))));
  return crcs;
}

std::uint64_t fragment_footer_size(std::uint64_t size) {
  return block_count(size) * sizeof(std::uint32_t) + trailer_size;
}

std::string encode_footer(const fragment_info& info) {
  std::string out{as_text(info.block_crcs)};
  out += encode_trailer(info);
  return out;
}

atl::error read_failure(const fragment_key& key, std::int64_t code) {
  auto out = atl::system_error(static_cast<int>(-code), "cannot read fragment " + to_string(key));
  if (code == -EIO) // an unreadable sector is lost, like a sector with wrong bytes
    out.code = atl::errc::corrupt;
  return out;
}

atl::result<fragment_info> read_footer(disk& on, int fd, const fragment_key& key, read_mode mode) {
  auto corrupt = [&](std::string_view what) {
    return atl::fail(atl::errc::corrupt, fmt::format("fragment {}: {}", to_string(key), what));
  };
  auto failed = [&](std::int64_t code) { return tl::unexpected{read_failure(key, code)}; };
  auto file_size = on.size(fd);
  if (file_size < 0)
    return failed(file_size);
  auto length = static_cast<std::uint64_t>(file_size);
  if (length < trailer_size ||
      length > fragment_bytes_max + fragment_footer_size(fragment_bytes_max))
    return corrupt("no fragment's file has this length");

  std::array<char, trailer_size> raw = {};
  auto got = read_fully(on, fd, raw.data(), raw.size(), length - trailer_size, mode);
  if (got < 0)
    return failed(got);
  auto end = decode_trailer({raw.data(), static_cast<std::size_t>(got)});
  if (!end)
    return corrupt(end.error().message);
  if (end->info.key != key)
    return corrupt("the file holds fragment " + to_string(end->info.key));
  auto size = end->info.size;
  if (size > fragment_bytes_max || size + fragment_footer_size(size) != length)
    return corrupt("the file is longer or shorter than its trailer says");

  auto info = std::move(end->info);
  info.block_crcs.resize(block_count(size));
  auto table_size = info.block_crcs.size() * sizeof(std::uint32_t);
  got = read_fully(on, fd, info.block_crcs.data(), table_size, size, mode);
  if (got < 0)
    return failed(got);
  if (static_cast<std::size_t>(got) != table_size ||
      atl::crc32c(as_text(info.block_crcs)) != end->table_crc)
    return corrupt("the table of checksums does not match its checksum");
  return info;
}

} // namespace dfs
