#include "bulk/async_attempt.hpp"
#include "bulk/async_connection.hpp"
#include "bulk/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace dfs {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

awaitable<atl::result<std::vector<target_result>>>
async_bulk_connection::write_chunk(std::span<const write_target> targets, chunk_id chunk,
                                   std::string_view data, durability how, bool await_go) {
  if (targets.empty() || targets.size() > write_targets_max || data.size() > fragment_bytes_max)
    co_return atl::fail(atl::errc::invalid,
                        fmt::format("cannot write {} bytes to {} nodes: at most {} bytes, and 1 to "
                                    "{} nodes",
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
  auto start = [this, &request, data] { return send_chunk(request, data); };
  auto answer = co_await attempt<std::string>(start);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto results = wire::decode_write_reply(*answer);
  if (!results || results->size() != targets.size())
    co_return tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " sent a malformed result"})};
  co_return results;
}

awaitable<atl::result<std::string>>
async_bulk_connection::send_chunk(const wire::write_request& request, std::string_view data) {
  auto limit = wait();
  auto body = wire::encode(request);
  auto sent = co_await send_frame(stream_, wire::op::write, body, limit);
  if (sent && request.await_go) {
    auto go = co_await await_go(limit);
    if (!go)
      co_return tl::unexpected{go.error()};
  }
  auto rest = std::as_bytes(std::span{data});
  if (sent)
    sent = co_await send_blocks(rest, limit);
  if (!sent && sent.error().code == atl::errc::timeout)
    co_return tl::unexpected{broken(sent.error())};
  // The node counts from the last byte as well.
  atl::net::io_timeout first{limit.progress,
                             std::min(limit.deadline, clock::now() + limit.progress)};
  auto answer = co_await receive_response(first);
  if (!sent && !answered_)
    co_return tl::unexpected{broken(sent.error())};
  if (answer && !rest.empty())
    co_return tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " answered before it had the data"})};
  co_return answer;
}

/// Waits until the node has room for the data. Errors: that of the node, if it has none.
awaitable<atl::status> async_bulk_connection::await_go(atl::net::io_timeout limit) {
  auto go = co_await receive_frame(stream_, limit, limit);
  if (!go)
    co_return tl::unexpected{broken(go.error())};
  if (go->what == wire::op::working)
    co_return atl::status{};
  auto refusal = take_response(decode_reply_frame(*go, stream_.peer()));
  if (refusal)
    refusal = tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " answered before it had the data"})};
  co_return tl::unexpected{refusal.error()};
}

awaitable<atl::status> async_bulk_connection::write_pieces(write_target target, chunk_id chunk,
                                                           std::uint64_t size, fragment_feed& feed,
                                                           durability how) {
  if (size > fragment_bytes_max)
    co_return atl::fail(atl::errc::invalid,
                        fmt::format("cannot write {} bytes: at most {}", size, fragment_bytes_max));
  auto progress_ms = std::clamp<std::int64_t>(options_.timeouts.progress.count(), 1, UINT32_MAX);
  wire::write_request request{
      options_.token,      chunk, size, how, static_cast<std::uint32_t>(progress_ms),
      {std::move(target)}, true};
  auto start = [this, &request, &feed] { return send_pieces(request, feed); };
  auto answer = co_await attempt<std::string>(start);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto results = wire::decode_write_reply(*answer);
  if (!results || results->size() != 1)
    co_return tl::unexpected{
        broken({atl::errc::corrupt, atl::to_string(node_) + " sent a malformed result"})};
  co_return results->front().outcome;
}

awaitable<atl::result<std::string>>
async_bulk_connection::send_pieces(const wire::write_request& request, fragment_feed& feed) {
  auto limit = wait();
  auto body = wire::encode(request);
  auto sent = co_await send_frame(stream_, wire::op::write, body, limit);
  if (!sent)
    co_return tl::unexpected{broken(sent.error())};
  auto go = co_await await_go(limit);
  if (!go)
    co_return tl::unexpected{go.error()};
  answered_ = true; // so that nothing is sent twice
  for (std::uint64_t left = request.size; sent && left > 0;) {
    auto piece = co_await feed.next();
    if (!piece || piece->empty() || piece->size() > left) {
      stream_.close(); // in front of the data
      co_return tl::unexpected{
          piece ? atl::error{atl::errc::internal, "a fragment in pieces of a wrong length"}
                : piece.error()};
    }
    auto rest = std::as_bytes(std::span{*piece});
    sent = co_await send_blocks(rest, limit);
    left -= piece->size();
    if (sent && !rest.empty())
      break; // the node refuses the rest
  }
  if (!sent && sent.error().code == atl::errc::timeout)
    co_return tl::unexpected{broken(sent.error())};
  answered_ = false;
  atl::net::io_timeout first{limit.progress,
                             std::min(limit.deadline, clock::now() + limit.progress)};
  auto answer = co_await receive_response(first);
  auto is_answered = std::exchange(answered_, true);
  if (!sent && !is_answered)
    co_return tl::unexpected{broken(sent.error())};
  co_return answer;
}

/// Sends batches of blocks, each after its checksums, until all are sent or the node replies: then
/// the node refuses the rest. @param rest the blocks that aren't sent yet
awaitable<atl::status> async_bulk_connection::send_blocks(std::span<const std::byte>& rest,
                                                          atl::net::io_timeout limit) {
  std::array<std::uint32_t, blocks_per_batch> crcs;
  while (!rest.empty() && stream_.is_quiet()) {
    auto batch = rest.first(std::min(rest.size(), batch_size));
    std::size_t count = 0;
    for (std::size_t at = 0; at < batch.size(); at += block_size)
      crcs[count++] = block_crc(batch.subspan(at, std::min(block_size, batch.size() - at)));
    std::array<atl::net::tcp_stream::const_buffer, 2> pieces = {
        atl::net::tcp_stream::const_buffer{crcs.data(), count * sizeof(crcs[0])},
        atl::net::tcp_stream::const_buffer{batch.data(), batch.size()}};
    auto sent = co_await stream_.write(pieces, limit);
    if (!sent)
      co_return sent;
    rest = rest.subspan(batch.size());
  }
  co_return atl::status{};
}

} // namespace dfs
