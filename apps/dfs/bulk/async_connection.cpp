#include "bulk/async_connection.hpp"

#include "bulk/async_attempt.hpp"
#include "bulk/bulk_handshake.hpp"
#include "bulk/frames.hpp"

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
  auto found = co_await check_fragment(key, std::nullopt);
  if (!found)
    co_return tl::unexpected{found.error()};
  co_return found->is_intact;
}

awaitable<atl::result<fragment_condition>>
async_bulk_connection::check_fragment(fragment_key key, std::optional<std::uint32_t> content_crc) {
  wire::report_request asked{options_.token, key, content_crc};
  auto body = wire::encode(asked);
  auto answer = co_await request(wire::op::report_damage, body);
  if (!answer)
    co_return tl::unexpected{answer.error()};
  auto found = wire::decode_report_reply(*answer);
  if (!found)
    co_return tl::unexpected{broken(found.error())};
  co_return found;
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
