#include "bulk/frames.hpp"

#include <array>

namespace dfs {

atl::result<reply> decode_reply_frame(const frame& got, const std::string& peer) {
  if (got.what != wire::op::reply)
    return atl::fail(atl::errc::corrupt, peer + " replied with a request");
  auto body = wire::decode_reply(got.body);
  if (!body)
    return tl::unexpected{body.error()};
  return reply{std::move(body->outcome), std::string{body->payload}};
}

atl::status send_frame(tcp_socket& over, wire::op what, std::string_view body,
                       const io_timeout& wait) {
  return over.write(wire::encode_frame(what, body), wait);
}

atl::result<frame> receive_frame(tcp_socket& over, const io_timeout& for_header,
                                 const io_timeout& for_body) {
  std::array<char, wire::header_size> raw = {};
  if (auto done = over.read(raw.data(), raw.size(), for_header); !done)
    return tl::unexpected{done.error()};
  auto head = wire::decode_header({raw.data(), raw.size()});
  if (!head)
    return tl::unexpected{head.error()};
  frame out{head->what, std::string(head->body_size, '\0')};
  if (auto done = over.read(out.body.data(), out.body.size(), for_body); !done)
    return tl::unexpected{done.error()};
  if (!wire::matches(*head, out.body))
    return atl::fail(atl::errc::corrupt, "a frame does not match its checksum");
  return out;
}

atl::result<reply> receive_reply(tcp_socket& over, const io_timeout& first,
                                 const io_timeout& afterwards) {
  for (const auto* wait = &first;; wait = &afterwards) {
    auto got = receive_frame(over, *wait, *wait);
    if (!got)
      return tl::unexpected{got.error()};
    if (got->what == wire::op::working)
      continue;
    return decode_reply_frame(*got, over.peer());
  }
}

// -- over a stream ------------------------------------------------------------

using boost::asio::awaitable;

awaitable<atl::status> send_frame(atl::net::stream& over, wire::op what, std::string_view body,
                                  atl::net::io_timeout wait) {
  auto bytes = wire::encode_frame(what, body);
  co_return co_await over.write(bytes, wait);
}

awaitable<atl::result<frame>> receive_frame(atl::net::stream& over, atl::net::io_timeout for_header,
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

awaitable<atl::result<reply>> receive_reply(atl::net::stream& over, atl::net::io_timeout first,
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
