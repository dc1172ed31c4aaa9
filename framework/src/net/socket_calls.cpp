#include "socket_calls.hpp"

#include <atoll/core/endpoint.hpp>

#include <sys/sendfile.h>

namespace atl::net {

namespace {

using boost::asio::ip::tcp;

/// Converts pieces for the system call.
template <class Buffer>
std::array<iovec, tcp_stream::pieces_max> to_iovecs(std::span<const Buffer> pieces) {
  std::array<iovec, tcp_stream::pieces_max> out = {};
  for (std::size_t i = 0; i < pieces.size(); ++i)
    out[i] = {const_cast<void*>(static_cast<const void*>(pieces[i].data())), pieces[i].size()};
  return out;
}

template <class Buffer>
msghdr message_of(std::array<iovec, tcp_stream::pieces_max>& vectors,
                  std::span<const Buffer> pieces) {
  msghdr message = {};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  return message;
}

bool has_byte(int file, std::uint64_t at) {
  char byte = 0;
  iovec into{&byte, 1};
  return ::preadv2(file, &into, 1, static_cast<off_t>(at), RWF_NOWAIT) == 1;
}

} // namespace

std::string peer_of(int fd) {
  tcp::endpoint address;
  auto size = static_cast<socklen_t>(address.capacity());
  if (::getpeername(fd, address.data(), &size) != 0 || size > address.capacity())
    return "a peer that has gone";
  address.resize(size);
  return to_string(endpoint{address.address().to_string(), address.port()});
}

tcp protocol_of(int fd) {
  int family = 0;
  socklen_t size = sizeof(family);
  (void)::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family == AF_INET6 ? tcp::v6() : tcp::v4();
}

ssize_t receive(int fd, std::span<const tcp_stream::mutable_buffer> into) {
  auto vectors = to_iovecs(into);
  auto message = message_of(vectors, into);
  return ::recvmsg(fd, &message, MSG_DONTWAIT);
}

ssize_t send(int fd, std::span<const tcp_stream::const_buffer> from) {
  auto vectors = to_iovecs(from);
  auto message = message_of(vectors, from);
  return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool file_piece::is_in_memory() const {
  return has_byte(file, offset) && has_byte(file, offset + size - 1);
}

void file_piece::send() {
  auto at = static_cast<off_t>(offset);
  auto moved = ::sendfile(socket, file, &at, size);
  if (moved > 0)
    sent = static_cast<std::uint64_t>(moved);
  else if (moved == 0)
    has_file_ended = true;
  else
    error_number = errno;
}

} // namespace atl::net
