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

template <class Item>
void write_all(writer& out, const std::vector<Item>& items) {
  out.put(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items)
    write(out, item);
}

template <class Item>
void read_all(reader& in, std::vector<Item>& items, std::size_t most) {
  auto count = in.get_count();
  if (count > most)
    in.fail();
  while (in.ok() && items.size() < count)
    read(in, items.emplace_back());
}

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
  write_all(out, message.nodes);
  write_all(out, message.moves);
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
  read_all(in, message.nodes, storages_max);
  read_all(in, message.moves, rebalancing_moves_max);
  for (const auto& move : message.moves)
    if (move.from >= message.nodes.size() || move.to >= message.nodes.size())
      in.fail();
  return finished(in, std::move(message), "a plan of rebalancing");
}

} // namespace dfs::protocol
