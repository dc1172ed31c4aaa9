#pragma once

#include "bulk/bulk_options.hpp"
#include "storage/fragment.hpp"

#include <atoll/core/error.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The bulk port's protocol, after the handshake (`bulk/bulk_handshake.hpp`). A frame is a header
/// of 16 bytes, little-endian (magic, version, op, length of the body, CRC-32C of header and body),
/// and the body. A client sends a request frame and gets a reply frame. A write request is followed
/// by batches of `blocks_per_batch` blocks: the checksums of the batch, 4 bytes each, then its
/// data. The reply to a read is followed by the bare blocks. All decoders accept hostile bytes and
/// return `errc::corrupt` for anything malformed.
namespace dfs::wire {

/// Of the frames and what is in them; both ends must have the same.
inline constexpr std::uint16_t version = 4;
inline constexpr std::size_t header_size = 16;

enum class op : std::uint16_t {
  read = 1,
  write = 2,
  report_damage = 3,
  copy = 4,
  reply = 5,
  working = 6, ///< no body; sent before a reply that takes long, to show that the node is alive
  probe = 7,   ///< asks how busy the node is
};

struct header {
  op what = op::reply;
  std::uint32_t body_size = 0;
  std::uint32_t crc = 0;
};

std::string encode_frame(op what, std::string_view body);
atl::result<header> decode_header(std::string_view bytes);
/// Does the body match the header's checksum?
bool matches(const header& head, std::string_view body);

struct read_request {
  std::string token; ///< the caller's capability, at the start of every request
  fragment_key key;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct write_request {
  std::string token;
  chunk_id chunk;
  std::uint64_t size = 0;
  durability how = durability::fsync;
  /// How long the sender waits for progress. Each node waits a little less for the next node, so
  /// that the node next to a failure reports it before earlier nodes give up.
  std::uint32_t progress_ms = 0;
  std::vector<write_target> targets; ///< the receiver first
  /// The sender sends no data until the receiver has room for it and says `working`. Used after the
  /// receiver was busy.
  bool await_go = false;
};

struct report_request {
  std::string token;
  fragment_key key;
  /// CRC-32C that the content must have; none: it need only match the fragment's own checksums.
  std::optional<std::uint32_t> content_crc{};
};

struct copy_request {
  std::string token;
  fragment_key key;
  atl::endpoint source;
  std::uint32_t source_fragment = 0;
};

struct probe_request {
  std::string token;
};

std::string encode(const read_request& request);
std::string encode(const write_request& request);
std::string encode(const report_request& request);
std::string encode(const copy_request& request);
std::string encode(const probe_request& request);
atl::result<read_request> decode_read(std::string_view body);
atl::result<write_request> decode_write(std::string_view body);
atl::result<report_request> decode_report(std::string_view body);
atl::result<copy_request> decode_copy(std::string_view body);
atl::result<probe_request> decode_probe(std::string_view body);

/// The body of a reply: an error, or success and the requested payload.
std::string encode_failure(const atl::error& why);
std::string encode_success(std::string_view payload = {});
struct reply_body {
  atl::status outcome;      ///< the error that the node replied with
  std::string_view payload; ///< a view into the decoded bytes
};
atl::result<reply_body> decode_reply(std::string_view body);

/// The range of blocks in the answer to a read.
struct block_range {
  std::uint64_t start = 0;  ///< a multiple of block_size
  std::uint64_t length = 0; ///< a multiple of block_size, except where the fragment ends

  friend bool operator==(const block_range&, const block_range&) = default;
};
/// The blocks that contain the `length` bytes from `offset` on, up to the fragment's end.
block_range covering(std::uint64_t offset, std::uint64_t length, std::uint64_t fragment_size);

struct read_reply {
  std::uint64_t fragment_size = 0;
  block_range range;
  std::vector<std::uint32_t> crcs;
};
std::string encode(const read_reply& reply);
/// Also checks that the reply's range is the one that covers the request.
atl::result<read_reply> decode_read_reply(std::string_view payload, std::uint64_t offset,
                                          std::uint64_t length);

std::string encode(const std::vector<target_result>& results);
atl::result<std::vector<target_result>> decode_write_reply(std::string_view payload);

std::string encode(const node_load& load);
atl::result<node_load> decode_probe_reply(std::string_view payload);

std::string encode(const fragment_condition& found);
atl::result<fragment_condition> decode_report_reply(std::string_view payload);

} // namespace dfs::wire
