#include "http_pool.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <utility>

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct http_pool::connection {
  explicit connection(asio::io_context& io) : socket{io} {}

  tcp::socket socket;
  boost::beast::flat_buffer buffer;
  http::request<http::empty_body> request;
  http::response<http::string_body> response;
};

void http_pool::get(completion done) {
  if (!idle_.empty()) {
    auto over = std::move(idle_.back());
    idle_.pop_back();
    return send(std::move(over), std::move(done));
  }
  auto opened = std::make_shared<connection>(io_);
  opened->socket.async_connect({asio::ip::address_v4::loopback(), port_},
                               [this, opened, done = std::move(done)](auto failed) mutable {
                                 if (failed)
                                   return done(false);
                                 opened->socket.set_option(tcp::no_delay{true});
                                 opened->request = {http::verb::get, "/work", 11};
                                 opened->request.set(http::field::host, "127.0.0.1");
                                 send(std::move(opened), std::move(done));
                               });
}

void http_pool::send(std::shared_ptr<connection> over, completion done) {
  auto& it = *over;
  http::async_write(it.socket, it.request,
                    [this, over = std::move(over), done = std::move(done)](auto failed, auto) {
                      if (failed)
                        return done(false);
                      over->response = {};
                      http::async_read(over->socket, over->buffer, over->response,
                                       [this, over, done](auto problem, auto) {
                                         if (problem)
                                           return done(false);
                                         if (over->response.keep_alive())
                                           idle_.push_back(over);
                                         done(over->response.result() == http::status::ok);
                                       });
                    });
}
