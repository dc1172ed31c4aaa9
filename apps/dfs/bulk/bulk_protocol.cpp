#include "bulk/bulk_protocol.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs::wire {

namespace {

using atl::spi::reader;
using atl::spi::writer;

constexpr std::uint32_t magic = 0x6b6c7562; // "bulk"

tl::unexpected<atl::error> malformed(std::string_view what) {
  return atl::fail(atl::errc::corrupt, fmt::format("malformed {} on the bulk port", what));
}

void write(writer& out, const chunk_id& id) {
  out.put(id.made_us).put(id.random);
}
void read(reader& in, chunk_id& id) {
  id.made_us = in.get<std::uint64_t>();
  id.random = in.get<std::uint64_t>();
}

void read_fragment_index(reader& in, std::uint32_t& index) {
  index = in.get<std::uint32_t>();
  if (index > fragment_index_max)
    in.fail();
}

void write(writer& out, const fragment_key& key) {
  write(out, key.chunk);
  out.put(key.fragment);
}
void read(reader& in, fragment_key& key) {
  read(in, key.chunk);
  read_fragment_index(in, key.fragment);
}

void write(writer& out, const atl::endpoint& at) {
  out.put(at.host).put(at.port);
}
void read(reader& in, atl::endpoint& at) {
  at.host = in.get_string(host_name_bytes_max);
  at.port = in.get<std::uint16_t>();
}

/// 0 is success, other numbers are the error's code plus 1.
void write(writer& out, const atl::status& outcome) {
  if (outcome) {
    out.put(std::uint16_t{0});
    return;
  }
  out.put(static_cast<std::uint16_t>(static_cast<std::uint16_t>(outcome.error().code) + 1));
  out.put(std::string_view{outcome.error().message}.substr(0, error_text_bytes_max));
}
void read(reader& in, atl::status& outcome) {
  auto code = in.get<std::uint16_t>();
  if (code == 0)
    return;
  if (code - 1 > static_cast<int>(atl::errc_last))
    in.fail();
  auto text = in.get_string(error_text_bytes_max);
  if (in.ok())
    outcome = atl::fail(static_cast<atl::errc>(code - 1), std::move(text));
}

/// None has one encoding: false and 0.
void write(writer& out, const std::optional<std::uint32_t>& crc) {
  out.put(crc.has_value()).put(crc.value_or(0));
}
void read(reader& in, std::optional<std::uint32_t>& crc) {
  auto has_crc = in.get<bool>();
  auto value = in.get<std::uint32_t>();
  if (has_crc)
    crc = value;
  else if (value != 0)
    in.fail();
}

template <class Request, class Read>
atl::result<Request> decode(std::string_view body, std::string_view name, Read rest) {
  reader in{body};
  Request out;
  out.token = in.get_string(token_bytes_max);
  rest(in, out);
  if (!in.done())
    return malformed(name);
  return out;
}

} // namespace

// -- frames -------------------------------------------------------------------

std::string encode_frame(op what, std::string_view body) {
  writer out;
  out.put(magic).put(version).put(what).put(static_cast<std::uint32_t>(body.size()));
  out.put(atl::crc32c(body, atl::crc32c(out.view())));
  auto frame = out.take();
  frame += body;
  return frame;
}

atl::result<header> decode_header(std::string_view bytes) {
  reader in{bytes};
  if (in.get<std::uint32_t>() != magic || bytes.size() != header_size)
    return malformed("frame: it doesn't begin with our magic number");
  auto received_version = in.get<std::uint16_t>();
  if (received_version != version)
    return atl::fail(atl::errc::refused, fmt::format("a frame is of protocol version {}, supported "
                                                     "is {}",
                                                     received_version, version));
  auto what = in.get<std::uint16_t>();
  if (what < static_cast<int>(op::read) || what > static_cast<int>(op::probe))
    return malformed(fmt::format("frame: there is no operation {}", what));
  header out{static_cast<op>(what), in.get<std::uint32_t>(), in.get<std::uint32_t>()};
  if (out.body_size > frame_body_bytes_max)
    return malformed(fmt::format("frame: {} bytes are more than the {} allowed", out.body_size,
                                 frame_body_bytes_max));
  return out;
}

bool matches(const header& head, std::string_view body) {
  writer out;
  out.put(magic).put(version).put(head.what).put(head.body_size);
  return body.size() == head.body_size && atl::crc32c(body, atl::crc32c(out.view())) == head.crc;
}

// -- requests -----------------------------------------------------------------

std::string encode(const read_request& request) {
  writer out;
  out.put(request.token);
  write(out, request.key);
  out.put(request.offset).put(request.length);
  return out.take();
}

atl::result<read_request> decode_read(std::string_view body) {
  return decode<read_request>(body, "read request", [](reader& in, read_request& out) {
    read(in, out.key);
    out.offset = in.get<std::uint64_t>();
    out.length = in.get<std::uint64_t>();
  });
}

std::string encode(const write_request& request) {
  writer out;
  out.put(request.token);
  write(out, request.chunk);
  out.put(request.size).put(request.how).put(request.progress_ms).put(request.await_go);
  out.put(static_cast<std::uint32_t>(request.targets.size()));
  for (const auto& target : request.targets) {
    out.put(target.node);
    write(out, target.at);
    out.put(target.fragment);
  }
  return out.take();
}

atl::result<write_request> decode_write(std::string_view body) {
  return decode<write_request>(body, "write request", [](reader& in, write_request& out) {
    read(in, out.chunk);
    out.size = in.get<std::uint64_t>();
    out.how = in.get_enum(durability_last);
    out.progress_ms = in.get<std::uint32_t>();
    out.await_go = in.get<bool>();
    auto count = in.get_count(14);
    if (count == 0 || count > write_targets_max || out.size > fragment_bytes_max ||
        out.progress_ms == 0)
      in.fail();
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      auto& target = out.targets.emplace_back();
      target.node = in.get_string(node_name_bytes_max);
      read(in, target.at);
      read_fragment_index(in, target.fragment);
    }
  });
}

std::string encode(const report_request& request) {
  writer out;
  out.put(request.token);
  write(out, request.key);
  write(out, request.content_crc);
  return out.take();
}

atl::result<report_request> decode_report(std::string_view body) {
  return decode<report_request>(body, "damage report", [](reader& in, report_request& out) {
    read(in, out.key);
    read(in, out.content_crc);
  });
}

std::string encode(const copy_request& request) {
  writer out;
  out.put(request.token);
  write(out, request.key);
  write(out, request.source);
  out.put(request.source_fragment);
  return out.take();
}

atl::result<copy_request> decode_copy(std::string_view body) {
  return decode<copy_request>(body, "copy request", [](reader& in, copy_request& out) {
    read(in, out.key);
    read(in, out.source);
    read_fragment_index(in, out.source_fragment);
  });
}

std::string encode(const probe_request& request) {
  writer out;
  out.put(request.token);
  return out.take();
}

atl::result<probe_request> decode_probe(std::string_view body) {
  return decode<probe_request>(body, "probe", [](reader&, probe_request&) {});
}

// -- replies ------------------------------------------------------------------

std::string encode_failure(const atl::error& why) {
  writer out;
  write(out, atl::status{tl::unexpected{why}});
  return out.take();
}

std::string encode_success(std::string_view payload) {
  writer out;
  write(out, atl::status{});
  auto body = out.take();
  body += payload;
  return body;
}

atl::result<reply_body> decode_reply(std::string_view body) {
  reader in{body};
  reply_body out;
  read(in, out.outcome);
  if (!in.ok() || (!out.outcome && !in.done()))
    return malformed("reply");
  out.payload = in.rest();
  return out;
}

block_range covering(std::uint64_t offset, std::uint64_t length, std::uint64_t fragment_size) {
  if (offset >= fragment_size || length == 0)
    return {};
  auto end = offset + std::min(length, fragment_size - offset);
  auto start = offset / block_size * block_size;
  auto aligned_end = std::min((end + block_size - 1) / block_size * block_size, fragment_size);
  return {start, aligned_end - start};
}

std::string encode(const read_reply& reply) {
  writer out;
  out.put(reply.fragment_size).put(reply.range.start).put(reply.range.length);
  for (auto crc : reply.crcs)
    out.put(crc);
  return out.take();
}

atl::result<read_reply> decode_read_reply(std::string_view payload, std::uint64_t offset,
                                          std::uint64_t length) {
  reader in{payload};
  read_reply out;
  out.fragment_size = in.get<std::uint64_t>();
  out.range.start = in.get<std::uint64_t>();
  out.range.length = in.get<std::uint64_t>();
  if (!in.ok() || out.fragment_size > fragment_bytes_max ||
      out.range != covering(offset, length, out.fragment_size))
    return malformed("reply to a read");
  out.crcs.resize(block_count(out.range.length));
  for (auto& crc : out.crcs)
    crc = in.get<std::uint32_t>();
  if (!in.done())
    return malformed("reply to a read");
  return out;
}

std::string encode(const std::vector<target_result>& results) {
  writer out;
  out.put(static_cast<std::uint32_t>(results.size()));
  for (const auto& each : results) {
    out.put(each.node);
    write(out, each.outcome);
    write(out, each.crc_on_disk);
  }
  return out.take();
}

atl::result<std::vector<target_result>> decode_write_reply(std::string_view payload) {
  reader in{payload};
  auto count = in.get_count(11);
  std::vector<target_result> out;
  for (std::uint32_t i = 0; i < count && in.ok() && count <= write_targets_max; ++i) {
    auto& each = out.emplace_back();
    each.node = in.get_string(node_name_bytes_max);
    read(in, each.outcome);
    read(in, each.crc_on_disk);
  }
  if (!in.done() || count > write_targets_max)
    return malformed("reply to a write");
  return out;
}

std::string encode(const node_load& load) {
  writer out;
  out.put(load.in_flight).put(static_cast<std::uint64_t>(load.read_time.count()));
  return out.take();
}

atl::result<node_load> decode_probe_reply(std::string_view payload) {
  reader in{payload};
  node_load load;
  load.in_flight = in.get<std::uint32_t>();
  auto read_time = in.get<std::uint64_t>();
  constexpr std::chrono::microseconds longest{request_time_max};
  if (!in.done() || read_time > static_cast<std::uint64_t>(longest.count()))
    return malformed("reply to a probe");
  load.read_time = std::chrono::microseconds{read_time};
  return load;
}

std::string encode(const fragment_condition& found) {
  writer out;
  out.put(found.is_intact).put(found.content_crc);
  return out.take();
}

atl::result<fragment_condition> decode_report_reply(std::string_view payload) {
  reader in{payload};
  fragment_condition found;
  found.is_intact = in.get<bool>();
  found.content_crc = in.get<std::uint32_t>();
  if (!in.done())
    return malformed("reply to a damage report");
  return found;
}

} // namespace dfs::wire
