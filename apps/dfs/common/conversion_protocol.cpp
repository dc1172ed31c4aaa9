#include "common/conversion_protocol.hpp"

#include "common/protocol_encoding.hpp"

#include <string_view>

namespace dfs::protocol {

namespace {

constexpr std::size_t path_bytes_max = 4096;

void write(writer& out, const chunk_record& chunk) {
  protocol::write(out, chunk.id);
  out.put(chunk.size_bytes).put(chunk.crc).put(chunk.policy);
  write_list(out, chunk.nodes);
}
void read(reader& in, chunk_record& chunk) {
  constexpr std::size_t fragments_max = 255;
  protocol::read(in, chunk.id);
  chunk.size_bytes = in.get<std::uint64_t>();
  chunk.crc = in.get<std::uint32_t>();
  chunk.policy = in.get<policy_id>();
  read_list(in, chunk.nodes, fragments_max);
}

void write(writer& out, const conversion_order& order) {
  out.put(order.id).put(order.term);
  write(out, order.chunk);
  out.put(order.policy);
}
void read(reader& in, conversion_order& order) {
  order.id = in.get<std::uint64_t>();
  order.term = in.get<std::uint64_t>();
  read(in, order.chunk);
  order.policy = in.get<policy_id>();
}

void write(writer& out, const conversion_result& result);
void read(reader& in, conversion_result& result);
void write(writer& out, const conversion_view& view);
void read(reader& in, conversion_view& view);

constexpr auto write_item = [](writer& out, const auto& item) { write(out, item); };
constexpr auto read_item = [](reader& in, auto& item) { read(in, item); };

void write(writer& out, const conversion_result& result) {
  out.put(result.id).put(result.term).put(result.outcome);
  write_list(out, result.stored, write_item);
  out.put(std::string_view{result.why}.substr(0, conversion_text_bytes_max));
}
void read(reader& in, conversion_result& result) {
  result.id = in.get<std::uint64_t>();
  result.term = in.get<std::uint64_t>();
  result.outcome = in.get_enum(conversion_outcome_last);
  read_list(in, result.stored, converted_parts_max, read_item);
  result.why = in.get_string(conversion_text_bytes_max);
}

void write(writer& out, const conversion_view& view) {
  out.put(view.inode).put(view.where.at).put(view.where.path).put(view.begun_us);
  out.put(view.chunks).put(view.bytes).put(view.chunks_left).put(view.bytes_left);
  out.put(view.is_counted).put(view.failures);
  out.put(std::string_view{view.problem}.substr(0, conversion_text_bytes_max));
}
void read(reader& in, conversion_view& view) {
  view.inode = in.get<inode_id>();
  view.where.at = in.get<inode_id>();
  view.where.path = in.get_string(path_bytes_max);
  for (auto* count :
       {&view.begun_us, &view.chunks, &view.bytes, &view.chunks_left, &view.bytes_left})
    *count = in.get<std::uint64_t>();
  view.is_counted = in.get<bool>();
  view.failures = in.get<std::uint64_t>();
  view.problem = in.get_string(conversion_text_bytes_max);
}

} // namespace

std::string encode(const conversion_request& message) {
  writer out;
  out.put(message.node);
  write_list(out, message.done, write_item);
  out.put(message.free);
  return out.take();
}

atl::result<conversion_request> decode_conversion_request(std::string_view bytes) {
  reader in{bytes};
  conversion_request message;
  message.node = in.get_string(name_bytes_max);
  read_list(in, message.done, conversions_at_once_max, read_item);
  message.free = in.get<std::uint32_t>();
  return finished(in, std::move(message), "a request for chunks to convert");
}

std::string encode(const conversion_response& message) {
  writer out;
  write_list(out, message.orders, write_item);
  out.put(message.wait_ms).put(message.is_over);
  return out.take();
}

atl::result<conversion_response> decode_conversion_response(std::string_view bytes) {
  reader in{bytes};
  conversion_response message;
  read_list(in, message.orders, conversions_at_once_max, read_item);
  message.wait_ms = in.get<std::uint32_t>();
  message.is_over = in.get<bool>();
  return finished(in, std::move(message), "orders to convert chunks");
}

std::string encode(const conversion_list& message) {
  writer out;
  write_list(out, message.conversions, write_item);
  out.put(message.rate);
  return out.take();
}

atl::result<conversion_list> decode_conversion_list(std::string_view bytes) {
  reader in{bytes};
  conversion_list message;
  read_list(in, message.conversions, conversions_listed_max, read_item);
  message.rate = in.get<std::uint64_t>();
  return finished(in, std::move(message), "a list of conversions");
}

} // namespace dfs::protocol
