#include "bulk/async_connection.hpp"

#include "bulk/block_receiver.hpp"
#include "bulk/bulk_handshake.hpp"
#include "bulk/frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace dfs {

using boost::asio::awaitable;
using clock = std::chrono::steady_clock;

async_bulk_connection::async_bulk_connection(std::shared_ptr<boost::asio::io_context> context,
                                             atl::endpoint node, bulk_options options)
    : context_{std::move(context)}, node_{std::move(node)}, options_{std::move(options)} {}

// -- requests in general ------------------------------------------------------

atl::net::io_timeout async_bulk_connection::wait() const {
  return {options_.timeouts.progress, clock::now() + request_time_max};
}

void async_bulk_connection::cancel() {
  is_cancelled_ = true;
  dial_.cancel();
  stream_.close();
}

void async_bulk_connection::move_to(std::shared_ptr<boost::asio::io_context> context) {
  if (context_ == context)
    return;
  // The connection that can't be moved is replaced by the next request.
  if (stream_.is_open())
    (void)stream_.move_to(*context);
  context_ = std::move(context);
}

awaitable<atl::status> async_bulk_connection::connect() {
  stream_.close();
  atl::net::dial_request request{node_, on_bulk_plane(options_.self), options_.secret,
                                 options_.timeouts.connect};
  auto reached = co_await dial_.run(context_, std::move(request));
  if (!reached)
    co_return tl::unexpected{reached.error()};
  if (is_cancelled_)
    co_return tl::unexpected{given_up()};
  stream_ = atl::net::tcp_stream{std::move(reached->socket)};
  co_return atl::status{};
}

/// Makes a request. The node may have closed a connection that was kept from earlier requests, so
/// if such a connection breaks before the answer, the request is sent over a new one.
/// @param request starts a coroutine; no coroutine itself
template <class T, class Request>
awaitable<atl::result<T>> async_bulk_connection::attempt(Request request) {
  is_cancelled_ = false;
  answered_ = false;
  if (stream_.is_quiet()) {
    awaitable<atl::result<T>> started = request();
    auto done = co_await std::move(started);
    bool closed_meanwhile = !done && !answered_ && !is_cancelled_ && !stream_.is_open() &&
                            done.error().code == atl::errc::unavailable;
    if (!closed_meanwhile)
      co_return done;
  }
  auto connected = co_await connect();
  if (!connected)
    co_return tl::unexpected{connected.error()};
  awaitable<atl::result<T>> started = request();
  co_return co_await std::move(started);
}

/// Closes the connection after an error on it: the next bytes on it would be undefined.
atl::error async_bulk_connection::broken(atl::error why) {
  stream_.close();
  if (is_cancelled_)
    return given_up();
  if (why.code ==
      atl::errc::corrupt) // the connection's error must not pass for damage of the fragment
    why.code = atl::errc::unavailable;
  return why;
}

atl::error async_bulk_connection::given_up() const {
  return {atl::errc::unavailable, atl::to_string(node_) + ": the request was given up"};
}

awaitable<atl::result<std::string>> async_bulk_connection::ask(wire::op what,
                                                               std::string_view body) {
  auto sent = co_await send_frame(stream_, what, body, wait());
  if (!sent && sent.error().code == atl::errc::timeout)
    co_return tl::unexpected{broken(sent.error())};
  auto answer = co_await receive_response(wait()); // also a refusal before the node read the data
  if (!sent && !answered_)
    co_return tl::unexpected{broken(sent.error())};
  co_return answer;
}

awaitable<atl::result<std::string>> async_bulk_connection::request(wire::op what,
                                                                   std::string_view body) {
  auto start = [this, what, body] { return ask(what, body); };
  co_return co_await attempt<std::string>(start);
}

awaitable<atl::result<std::string>>
async_bulk_connection::receive_response(atl::net::io_timeout first) {
  auto got = co_await receive_reply(stream_, first, wait());
  co_return take_response(std::move(got));
}

atl::result<std::string> async_bulk_connection::take_response(atl::result<reply> got) {
  if (!got)
    return tl::unexpected{broken(got.error())};
  answered_ = true;
  if (got->outcome)
    return std::move(got->payload);
  auto code = got->outcome.error().code;
  if (code == atl::errc::refused || code == atl::errc::busy)
    stream_.close(); // the node closes it as well
  return atl::fail(got->outcome.error(), atl::to_string(node_));
}

// -- reading ------------------------------------------------------------------

awaitable<atl::result<std::size_t>>
async_bulk_connection::read_fragment(fragment_key key, std::uint64_t offset,
                                     std::span<std::byte> into) {
  auto got = co_await read_range(key, offset, into);
  if (!got)
    co_return tl::unexpected{got.error()};
  co_return got->bytes;
}

awaitable<atl::result<std::uint64_t>>
async_bulk_connection::read_whole_fragment(fragment_key key, std::span<std::byte> into) {
  auto got = co_await read_range(key, 0, into);
  if (!got)
    co_return tl::unexpected{got.error()};
  co_return got->fragment_size;
}

awaitable<atl::result<async_bulk_connection::read_outcome>>
async_bulk_connection::read_range(fragment_key key, std::uint64_t offset,
                                  std::span<std::byte> into) {
  auto start = [this, key, offset, into] { return read_once(key, offset, into); };
  co_return co_await attempt<read_outcome>(start);
}

awaitable<atl::result<async_bulk_connection::read_outcome>>
async_bulk_connection::read_once(fragment_key key, std::uint64_t offset,
                                 std::span<std::byte> into) {
  wire::read_request asked{options_.token, key, offset, into.size()};
  auto body = wire::encode(asked);
  auto answer = co_await ask(wire::op::read, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto about = wire::decode_read_reply(*answer, offset, into.size());
  if (!about)
    co_return tl::unexpected{broken(about.error())};
  if (scratch_.empty())
    scratch_.resize(2 * block_size);
  block_receiver blocks{*about, offset, into, scratch_};
  auto got = co_await blocks.receive(stream_, wait());
  if (got)
    co_return read_outcome{*got, about->fragment_size};
  if (got.error().code != atl::errc::corrupt)
    co_return tl::unexpected{broken(got.error())};
  co_return tl::unexpected{got.error()};
}

awaitable<atl::status> async_bulk_connection::fetch_fragment(fragment_key key,
                                                             fragment_sink& sink) {
  auto start = [this, key, &sink] { return fetch_once(key, sink); };
  auto done = co_await attempt<bool>(start);
  if (!done)
    co_return tl::unexpected{done.error()};
  co_return atl::status{};
}

awaitable<atl::result<bool>> async_bulk_connection::fetch_once(fragment_key key,
                                                               fragment_sink& sink) {
  constexpr auto all = fragment_bytes_max;
  wire::read_request asked{options_.token, key, 0, all};
  auto body = wire::encode(asked);
  auto answer = co_await ask(wire::op::read, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto about = wire::decode_read_reply(*answer, 0, all);
  if (!about)
    co_return tl::unexpected{broken(about.error())};
  auto begun = co_await sink.begin(about->fragment_size);
  if (!begun) {
    stream_.close(); // in front of the data
    co_return tl::unexpected{begun.error()};
  }
  auto received = co_await receive_pieces(*about, sink);
  if (!received) {
    stream_.close(); // in the middle of the data
    co_return tl::unexpected{received.error()};
  }
  co_return true;
}

awaitable<atl::status> async_bulk_connection::receive_pieces(const wire::read_reply& about,
                                                             fragment_sink& sink) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(batch_size, about.fragment_size));
  auto timeout = wait();
  for (std::uint64_t at = 0; at < about.fragment_size; at += buffer.size()) {
    auto size = std::min<std::uint64_t>(buffer.size(), about.fragment_size - at);
    auto got = co_await stream_.read(buffer.data(), size, timeout);
    if (!got)
      co_return got;
    auto crcs = std::span{about.crcs}.subspan(at / block_size, block_count(size));
    auto taken = co_await sink.take(std::span{buffer}.first(size), crcs);
    if (!taken)
      co_return taken;
  }
  co_return atl::status{};
}

// -- writing ------------------------------------------------------------------

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
    auto go = co_await receive_frame(stream_, limit, limit);
    if (!go)
      co_return tl::unexpected{broken(go.error())};
    if (go->what != wire::op::working) // a refusal
      co_return take_response(decode_reply_frame(*go, stream_.peer()));
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

// -- other requests -----------------------------------------------------------

awaitable<atl::result<node_load>> async_bulk_connection::probe() {
  wire::probe_request asked{options_.token};
  auto body = wire::encode(asked);
  auto answer = co_await request(wire::op::probe, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto load = wire::decode_probe_reply(*answer);
  if (!load)
    co_return tl::unexpected{broken(load.error())};
  co_return load;
}

awaitable<atl::result<bool>> async_bulk_connection::report_damage(fragment_key key) {
  wire::report_request asked{options_.token, key};
  auto body = wire::encode(asked);
  auto answer = co_await request(wire::op::report_damage, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto intact = wire::decode_report_reply(*answer);
  if (!intact)
    co_return tl::unexpected{broken(intact.error())};
  co_return intact;
}

awaitable<atl::status> async_bulk_connection::copy_fragment(fragment_key key, atl::endpoint source,
                                                            std::uint32_t source_fragment) {
  wire::copy_request asked{options_.token, key, std::move(source), source_fragment};
  auto body = wire::encode(asked);
  auto answer = co_await request(wire::op::copy, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  co_return atl::status{};
}

} // namespace dfs
