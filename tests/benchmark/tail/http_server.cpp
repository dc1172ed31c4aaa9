#include "http_server.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <utility>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

/// A connection; its pending operations keep it alive.
class http_session : public std::enable_shared_from_this<http_session> {
 public:
  http_session(tcp::socket socket, std::shared_ptr<const http_server::handler> handle)
      : socket_{std::move(socket)}, handle_{std::move(handle)} {}

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](auto failed, auto) {
      if (!failed)
        (*self->handle_)({self->request_.target().data(), self->request_.target().size()},
                         [self](bool is_ok) { self->write(is_ok); });
    });
  }

 private:
  void write(bool is_ok) {
    response_ = {is_ok ? http::status::ok : http::status::service_unavailable, 11};
    response_.keep_alive(true);
    response_.body() = is_ok ? "done\n" : "failed\n";
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](auto failed, auto) {
      if (!failed)
        self->read();
    });
  }

  tcp::socket socket_;
  std::shared_ptr<const http_server::handler> handle_;
  boost::beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response<http::string_body> response_;
};

} // namespace

http_server::http_server(asio::io_context& io, std::uint16_t port, handler handle)
    : acceptor_{io, tcp::endpoint{asio::ip::address_v4::loopback(), port}},
      handle_{std::make_shared<const handler>(std::move(handle))} {
  accept();
}

void http_server::accept() {
  acceptor_.async_accept([this](auto failed, tcp::socket socket) {
    if (!failed) {
      socket.set_option(tcp::no_delay{true});
      std::make_shared<http_session>(std::move(socket), handle_)->read();
    }
    accept();
  });
}
