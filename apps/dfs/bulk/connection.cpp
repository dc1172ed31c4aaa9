#include "bulk/connection.hpp"

#include "bulk/block_receiver.hpp"
#include "bulk/block_sender.hpp"
#include "bulk/bulk_handshake.hpp"
#include "bulk/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace dfs {

struct bulk_connection::link {
  explicit link(io_loop* borrowed)
      : own{borrowed ? nullptr : std::make_unique<io_loop>()}, socket{borrowed ? *borrowed : *own} {
  }

  std::unique_ptr<io_loop> own;
  tcp_socket socket;
  bool answered = false;          ///< the node has replied to the request under way
  std::vector<std::byte> scratch; ///< blocks of which a part is requested
};

bulk_connection::bulk_connection(atl::endpoint node, bulk_options options)
    : node_{std::move(node)}, options_{std::move(options)}, link_{std::make_unique<link>(nullptr)} {
}

bulk_connection::bulk_connection(atl::endpoint node, bulk_options options, io_loop& loop)
    : node_{std::move(node)}, options_{std::move(options)}, link_{std::make_unique<link>(&loop)} {}

bulk_connection::~bulk_connection() = default;

// -- requests in general ------------------------------------------------------

io_timeout bulk_connection::wait() const {
  return {options_.timeouts.progress, steady::now() + request_time_max};
}

atl::status bulk_connection::connect() {
  return connect_to_node(link_->socket, node_, options_.self, options_.secret,
                         options_.timeouts.connect);
}

/// Makes a request. The node may have closed a connection that was kept from earlier requests, so
/// if such a connection breaks before the answer, the request is sent over a new one.
template <class T>
atl::result<T> bulk_connection::attempt(const result_of<T>& request) {
  link_->answered = false;
  bool kept = link_->socket.is_open() && link_->socket.is_quiet();
  if (kept) {
    auto done = request();
    bool closed_meanwhile = !done && !link_->answered && !link_->socket.is_open() &&
                            done.error().code == atl::errc::unavailable;
    if (!closed_meanwhile)
      return done;
  }
  if (auto done = connect(); !done) {
    link_->socket.close();
    return tl::unexpected{done.error()};
  }
  return request();
}

/// Closes the connection after an error on it: the next bytes on it would be undefined.
atl::error bulk_connection::broken(atl::error why) {
  link_->socket.close();
  if (why.code ==
      atl::errc::corrupt) // the connection's error must not pass for damage of the fragment
    why.code = atl::errc::unavailable;
  return why;
}

atl::result<std::string> bulk_connection::ask(wire::op what, std::string_view body) {
  if (auto done = send_frame(link_->socket, what, body, wait()); !done) {
    auto answer = receive_response(wait()); // the node may have refused before it read the data
    return link_->answered ? answer : tl::unexpected{broken(done.error())};
  }
  return receive_response(wait());
}

atl::result<std::string> bulk_connection::receive_response(const io_timeout& timeout) {
  auto got = receive_reply(link_->socket, timeout, wait());
  if (!got)
    return tl::unexpected{broken(got.error())};
  link_->answered = true;
  if (got->outcome)
    return std::move(got->payload);
  auto code = got->outcome.error().code;
  if (code == atl::errc::refused || code == atl::errc::busy)
    link_->socket.close(); // the node closes it as well
  return atl::fail(got->outcome.error(), atl::to_string(node_));
}

// -- reading ------------------------------------------------------------------

atl::result<std::size_t> bulk_connection::read_fragment(const fragment_key& key,
                                                        std::uint64_t offset,
                                                        std::span<std::byte> into) {
  return read_range(key, offset, into).map([](const read_outcome& got) { return got.bytes; });
}

atl::result<std::uint64_t> bulk_connection::read_whole_fragment(const fragment_key& key,
                                                                std::span<std::byte> into) {
  return read_range(key, 0, into).map([](const read_outcome& got) { return got.fragment_size; });
}

atl::result<bulk_connection::read_outcome> bulk_connection::read_range(const fragment_key& key,
                                                                       std::uint64_t offset,
                                                                       std::span<std::byte> into) {
  return attempt<read_outcome>([&]() -> atl::result<read_outcome> {
    auto answer = ask(wire::op::read,
                      wire::encode(wire::read_request{options_.token, key, offset, into.size()}));
    if (!answer)
      return tl::unexpected{answer.error()};
    auto about = wire::decode_read_reply(*answer, offset, into.size());
    if (!about)
      return tl::unexpected{broken(about.error())};
    if (link_->scratch.empty())
      link_->scratch.resize(2 * block_size);
    block_receiver blocks{*about, offset, into, link_->scratch};
    auto got = blocks.receive(link_->socket, wait());
    if (got)
      return read_outcome{*got, about->fragment_size};
    if (got.error().code != atl::errc::corrupt)
      return tl::unexpected{broken(got.error())};
    return tl::unexpected{got.error()};
  });
}

atl::status bulk_connection::fetch_fragment(const fragment_key& key, const fetch_handler& handler) {
  auto done = attempt<bool>([&]() -> atl::result<bool> {
    constexpr auto all = fragment_bytes_max;
    auto answer =
        ask(wire::op::read, wire::encode(wire::read_request{options_.token, key, 0, all}));
    if (!answer)
      return tl::unexpected{answer.error()};
    auto about = wire::decode_read_reply(*answer, 0, all);
    if (!about)
      return tl::unexpected{broken(about.error())};
    if (auto begun = handler.begin(about->fragment_size); !begun)
      return tl::unexpected{broken(begun.error())};
    if (auto received = receive_pieces(*about, handler); !received) {
      link_->socket.close(); // in the middle of the data
      return tl::unexpected{received.error()};
    }
    return true;
  });
  return done ? atl::status{} : tl::unexpected{done.error()};
}

atl::status bulk_connection::receive_pieces(const wire::read_reply& about,
                                            const fetch_handler& handler) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(batch_size, about.fragment_size));
  auto timeout = wait();
  for (std::uint64_t at = 0; at < about.fragment_size; at += buffer.size()) {
    auto size = std::min<std::uint64_t>(buffer.size(), about.fragment_size - at);
    if (auto got = link_->socket.read(buffer.data(), size, timeout); !got)
      return got;
    auto crcs = std::span{about.crcs}.subspan(at / block_size, block_count(size));
    if (auto taken = handler.piece(std::span{buffer}.first(size), crcs); !taken)
      return taken;
  }
  return {};
}

// -- writing ------------------------------------------------------------------

atl::result<std::vector<target_result>>
bulk_connection::write_chunk(std::span<const write_target> targets, const chunk_id& chunk,
                             std::string_view data, durability how, bool await_go) {
  if (targets.empty() || targets.size() > write_targets_max || data.size() > fragment_bytes_max)
    return atl::fail(atl::errc::invalid,
                     fmt::format("cannot write {} bytes to {} nodes: at most {} bytes, and 1 to {} "
                                 "nodes",
                                 data.size(), targets.size(), fragment_bytes_max,
                                 write_targets_max));
  auto progress_ms = std::clamp<std::int64_t>(options_.timeouts.progress.count(), 1, UINT32_MAX);
  wire::write_request request{options_.token,
                              chunk,
                              data.size(),
                              how,
                              static_cast<std::uint32_t>(progress_ms),
                              {targets.begin(), targets.end()},
                              await_go};
  auto answer = attempt<std::string>([&] { return send_chunk(request, data); });
  if (!answer)
    return tl::unexpected{answer.error()};
  auto results = wire::decode_write_reply(*answer);
  if (!results || results->size() != targets.size())
    return tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " sent a malformed result"})};
  return results;
}

atl::result<std::string> bulk_connection::send_chunk(const wire::write_request& request,
                                                     std::string_view data) {
  auto bytes = std::as_bytes(std::span{data});
  block_sender to{link_->socket, wait()};
  auto sent = to.begin(request);
  // Double buffering: the checksums of the next batch are computed while this batch is sent.
  std::array<std::array<std::uint32_t, blocks_per_batch>, 2> crcs;
  std::size_t parity = 0;
  while (sent && !bytes.empty() && !to.is_refused()) {
    auto batch = bytes.first(std::min(bytes.size(), batch_size));
    bytes = bytes.subspan(batch.size());
    auto& table = crcs[parity ^= 1];
    std::size_t count = 0;
    for (std::size_t at = 0; at < batch.size(); at += block_size)
      table[count++] = block_crc(batch.subspan(at, std::min(block_size, batch.size() - at)));
    sent = to.finish_batch();
    if (sent)
      to.start_batch(batch, {table.data(), count});
  }
  if (sent)
    sent = to.finish_batch();
  auto answer = receive_response(to.wait_for_results());
  if (!sent && !link_->answered)
    return tl::unexpected{broken(sent.error())};
  if (answer && !bytes.empty())
    return tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " answered before it had the data"})};
  return answer;
}

atl::result<std::vector<target_result>> write_chunk(std::span<const write_target> targets,
                                                    const chunk_id& chunk, std::string_view data,
                                                    durability how, const bulk_options& options,
                                                    bool await_go) {
  if (targets.empty())
    return atl::fail(atl::errc::invalid, "cannot write a chunk to no node");
  bulk_connection over{targets.front().at, options};
  return over.write_chunk(targets, chunk, data, how, await_go);
}

atl::result<node_load> bulk_connection::probe() {
  auto answer = attempt<std::string>(
      [&] { return ask(wire::op::probe, wire::encode(wire::probe_request{options_.token})); });
  if (!answer)
    return tl::unexpected{answer.error()};
  auto load = wire::decode_probe_reply(*answer);
  return load ? load : tl::unexpected{broken(load.error())};
}

// -- mending ------------------------------------------------------------------

atl::result<bool> bulk_connection::report_damage(const fragment_key& key) {
  auto answer = attempt<std::string>([&] {
    return ask(wire::op::report_damage, wire::encode(wire::report_request{options_.token, key}));
  });
  if (!answer)
    return tl::unexpected{answer.error()};
  auto intact = wire::decode_report_reply(*answer);
  return intact ? intact : tl::unexpected{broken(intact.error())};
}

atl::status bulk_connection::copy_fragment(const fragment_key& key, const atl::endpoint& source,
                                           std::uint32_t source_fragment) {
  auto answer = attempt<std::string>([&] {
    return ask(wire::op::copy,
               wire::encode(wire::copy_request{options_.token, key, source, source_fragment}));
  });
  return answer ? atl::status{} : tl::unexpected{answer.error()};
}

} // namespace dfs
