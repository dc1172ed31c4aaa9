#include "file_request.hpp"

#include <atoll/net/gatekeeper.hpp>
#include <atoll/net/io_thread.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

namespace atl::runtime {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = std::chrono::steady_clock;

/// The files that one receiver may fetch.
struct offered {
  std::vector<std::filesystem::path> files;
  clock::time_point last_taken{};
  bool withdrawn = false;
};

/// The offers, shared by the server's callers and its thread. Thread-safe.
struct offer_list {
  std::mutex mutex;
  std::map<transfer_token, std::shared_ptr<offered>> all;

  std::shared_ptr<offered> find(const transfer_token& token) {
    std::lock_guard lock{mutex};
    auto it = all.find(token);
    return it == all.end() ? nullptr : it->second;
  }
  /// @returns false if the offer was withdrawn.
  bool note_taken(offered& it) {
    std::lock_guard lock{mutex};
    it.last_taken = clock::now();
    return !it.withdrawn;
  }
};

/// One connection: the peer requests a file from an offset, and receives the bytes from there on.
class session : public std::enable_shared_from_this<session> {
 public:
  session(net::admitted peer, offer_list& offers)
      : socket_{std::move(peer.socket)}, place_{std::move(peer.place)},
        timer_{socket_.get_executor()}, offers_{offers} {}

  void await_request() {
    watch();
    asio::async_read(socket_, asio::buffer(request_),
                     [self = shared_from_this()](auto failed, auto) {
                       if (!failed)
                         self->begin();
                     });
  }

 private:
  void begin() {
    auto asked = decode_file_request({request_.data(), request_.size()});
    offer_ = offers_.find(asked.token);
    if (!offer_ || asked.file >= offer_->files.size())
      return; // closes the connection
    in_ = std::ifstream{offer_->files[asked.file], std::ios::binary};
    in_.seekg(static_cast<std::streamoff>(asked.offset));
    if (!in_)
      return;
    send_piece();
  }

  void send_piece() {
    piece_.resize(file_piece_bytes);
    in_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
    piece_.resize(static_cast<std::size_t>(in_.gcount()));
    if (!offers_.note_taken(*offer_) || in_.bad())
      return;
    if (piece_.empty())
      return await_request();
    watch();
    asio::async_write(socket_, asio::buffer(piece_),
                      [self = shared_from_this()](auto failed, auto) {
                        if (!failed)
                          self->send_piece();
                      });
  }

  /// Closes the connection of a receiver that makes no progress.
  void watch() {
    timer_.expires_after(file_idle_timeout);
    timer_.async_wait([weak = weak_from_this()](auto cancelled) {
      auto self = weak.lock();
      boost::system::error_code ignored;
      if (self && !cancelled)
        self->socket_.close(ignored);
    });
  }

  tcp::socket socket_;
  std::shared_ptr<void> place_; ///< among the connections of the gatekeeper
  asio::steady_timer timer_;
  offer_list& offers_;
  std::array<char, file_request_bytes> request_{};
  std::shared_ptr<offered> offer_;
  std::ifstream in_;
  std::string piece_;
};

} // namespace

struct file_server::implementation {
  offer_list offers;
  net::io_thread io{"snapshots"};
  std::unique_ptr<net::gatekeeper> gatekeeper; ///< null: the port couldn't be opened

  ~implementation() {
    if (gatekeeper)
      gatekeeper->close();
    io.stop();
  }

  status open(const endpoint& listen, const net::identity& self,
              const net::cluster_secret& secret) {
    net::gatekeeper_settings settings;
    settings.listen = listen;
    settings.self = on_snapshot_plane(self);
    settings.secret = secret;
    settings.connections_max = file_sessions_max;
    settings.unproved_max = file_sessions_max;
    auto opened =
        net::gatekeeper::open(io.shared_context(), std::move(settings), [this](net::admitted peer) {
          std::make_shared<session>(std::move(peer), offers)->await_request();
        });
    if (!opened)
      return fail(opened.error().code,
                  fmt::format("no port for those who need a snapshot: {}", opened.error().message));
    gatekeeper = std::move(*opened);
    return {};
  }
};

file_server::file_server(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}
file_server::~file_server() = default;

result<std::unique_ptr<file_server>> file_server::start(const endpoint& listen,
                                                        const net::identity& self,
                                                        const net::cluster_secret& secret) {
  try {
    auto impl = std::make_unique<implementation>();
    if (auto opened = impl->open(listen, self, secret); !opened)
      return tl::unexpected{opened.error()};
    return std::unique_ptr<file_server>{new file_server{std::move(impl)}};
  } catch (const std::system_error& problem) {
    return fail(errc::busy,
                fmt::format("no thread for those who need a snapshot: {}", problem.what()));
  }
}

std::uint16_t file_server::port() const {
  return impl_->gatekeeper->listens_at().port;
}

net::gatekeeper_counters file_server::connections() const {
  return impl_->gatekeeper->counters();
}

void file_server::offer(const transfer_token& token, std::vector<std::filesystem::path> files) {
  auto it = std::make_shared<offered>();
  it->files = std::move(files);
  std::lock_guard lock{impl_->offers.mutex};
  impl_->offers.all[token] = std::move(it);
}

void file_server::withdraw(const transfer_token& token) {
  std::lock_guard lock{impl_->offers.mutex};
  if (auto it = impl_->offers.all.find(token); it != impl_->offers.all.end()) {
    it->second->withdrawn = true;
    impl_->offers.all.erase(it);
  }
}

std::chrono::steady_clock::time_point file_server::last_taken(const transfer_token& token) const {
  std::lock_guard lock{impl_->offers.mutex};
  auto it = impl_->offers.all.find(token);
  return it == impl_->offers.all.end() ? clock::time_point{} : it->second->last_taken;
}

} // namespace atl::runtime
