#include "common/rebalance_protocol.hpp"

#include "common/master_protocol.hpp"
#include "common/protocol_encoding.hpp"

namespace dfs::protocol {

namespace {

void write(writer& out, const rebalanced_node& node) {
  out.put(node.name);
  protocol::write(out, node.use);
  out.put(node.bytes_over).put(node.bytes_below);
}
void read(reader& in, rebalanced_node& node) {
  node.name = in.get_string(name_bytes_max);
  protocol::read(in, node.use);
  node.bytes_over = in.get<std::uint64_t>();
  node.bytes_below = in.get<std::uint64_t>();
}

void write(writer& out, const rebalancing_move& move) {
  out.put(move.from).put(move.to).put(move.bytes);
}
void read(reader& in, rebalancing_move& move) {
  move.from = in.get<std::uint32_t>();
  move.to = in.get<std::uint32_t>();
  move.bytes = in.get<std::uint64_t>();
}

constexpr auto write_item = [](writer& out, const auto& item) { write(out, item); };
constexpr auto read_item = [](reader& in, auto& item) { read(in, item); };

} // namespace

std::string encode(const rebalance_request& message) {
  writer out;
  out.put(message.begins);
  return out.take();
}

atl::result<rebalance_request> decode_rebalance_request(std::string_view bytes) {
  reader in{bytes};
  rebalance_request message{in.get<bool>()};
  return finished(in, message, "an order to rebalance");
}

std::string encode(const rebalance_state& message) {
  writer out;
  protocol::write(out, message.mean);
  protocol::write(out, message.threshold);
  out.put(message.rate).put(message.bytes).put(message.under_way).put(message.waits_for_audit);
  write_list(out, message.nodes, write_item);
  write_list(out, message.moves, write_item);
  return out.take();
}

atl::result<rebalance_state> decode_rebalance_state(std::string_view bytes) {
  reader in{bytes};
  rebalance_state message;
  protocol::read(in, message.mean);
  protocol::read(in, message.threshold);
  message.rate = in.get<std::uint64_t>();
  message.bytes = in.get<std::uint64_t>();
  message.under_way = in.get<std::uint64_t>();
  message.waits_for_audit = in.get<bool>();
  read_list(in, message.nodes, storages_max, read_item);
  read_list(in, message.moves, rebalancing_moves_max, read_item);
  for (const auto& move : message.moves)
    if (move.from >= message.nodes.size() || move.to >= message.nodes.size())
      in.fail();
  return finished(in, std::move(message), "a plan of rebalancing");
}

} // namespace dfs::protocol
