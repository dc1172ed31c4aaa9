#include "bulk/frames.hpp"

#include <array>

namespace dfs {

using boost::asio::awaitable;

atl::result<reply> decode_reply_frame(const frame& got, const std::string& peer) {
  if (got.what != wire::op::reply)
    return atl::fail(atl::errc::corrupt, peer + " replied with a request");
  auto body = wire::decode_reply(got.body);
  if (!body)
    return tl::unexpected{body.error()};
  return reply{std::move(body->outcome), std::string{body->payload}};
}

awaitable<atl::status> send_frame(atl::net::tcp_stream& over, wire::op what, std::string_view body,
                                  atl::net::io_timeout wait) {
  auto bytes = wire::encode_frame(what, body);
  co_return co_await over.write(bytes, wait);
}

awaitable<atl::result<frame>> receive_frame(atl::net::tcp_stream& over,
                                            atl::net::io_timeout for_header,
                                            atl::net::io_timeout for_body) {
  std::array<char, wire::header_size> raw = {};
  auto got = co_await over.read(raw.data(), raw.size(), for_header);
  if (!got)
    co_return tl::unexpected{got.error()};
  auto head = wire::decode_header({raw.data(), raw.size()});
  if (!head)
    co_return tl::unexpected{head.error()};
  frame out{head->what, std::string(head->body_size, '\0')};
  got = co_await over.read(out.body.data(), out.body.size(), for_body);
  if (!got)
    co_return tl::unexpected{got.error()};
  if (!wire::matches(*head, out.body))
    co_return atl::fail(atl::errc::corrupt, "a frame does not match its checksum");
  co_return out;
}

awaitable<atl::result<reply>> receive_reply(atl::net::tcp_stream& over, atl::net::io_timeout first,
                                            atl::net::io_timeout afterwards) {
  for (auto wait = first;; wait = afterwards) {
    auto got = co_await receive_frame(over, wait, wait);
    if (!got)
      co_return tl::unexpected{got.error()};
    if (got->what == wire::op::working)
      continue;
    co_return decode_reply_frame(*got, over.peer());
  }
}

} // namespace dfs
