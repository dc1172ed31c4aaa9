#include "file_request.hpp"

#include <atoll/net/coroutine_group.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/net/io_thread.hpp>
#include <atoll/net/tcp_stream.hpp>
#include <atoll/net/worker_pool.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace atl::runtime {

namespace {

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

/// A file that is being sent.
class sent_file {
 public:
  /// @returns a file of no bytes if it can't be opened
  static sent_file open(const std::filesystem::path& path) {
    sent_file it;
    it.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct ::stat about = {};
    if (it.fd_ >= 0 && ::fstat(it.fd_, &about) == 0)
      it.bytes_ = static_cast<std::uint64_t>(about.st_size);
    return it;
  }
  sent_file() = default;
  sent_file(sent_file&& other) noexcept : fd_{std::exchange(other.fd_, -1)}, bytes_{other.bytes_} {}
  sent_file& operator=(sent_file&&) = delete;
  ~sent_file() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

/// Lists a stream among those that are open, as long as it is served.
class listing {
 public:
  listing(std::set<net::tcp_stream*>& in, net::tcp_stream& which) : in_{in}, which_{which} {
    in_.insert(&which_);
  }
  ~listing() { in_.erase(&which_); }
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

 private:
  std::set<net::tcp_stream*>& in_;
  net::tcp_stream& which_;
};

} // namespace

struct file_server::implementation {
  offer_list offers;
  net::worker_pool disk{file_disk_threads_max};
  net::io_thread io{"snapshots"};
  std::set<net::tcp_stream*> open_streams; ///< the thread's own
  net::coroutine_group serving{"snapshots"};
  std::unique_ptr<net::gatekeeper> gatekeeper; ///< null: the port couldn't be opened

  ~implementation() {
    if (gatekeeper)
      gatekeeper->close();
    boost::asio::post(io.context(), [this] {
      for (auto* each : open_streams)
        each->close();
    });
    serving.wait();
    io.stop();
    disk.stop();
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
          serving.start(io.context(),
                        serve(net::tcp_stream{std::move(peer.socket)}, std::move(peer.place)));
        });
    if (!opened)
      return fail(opened.error().code,
                  fmt::format("no port for those who need a snapshot: {}", opened.error().message));
    gatekeeper = std::move(*opened);
    return {};
  }

  /// The peer requests a file from an offset, and receives the bytes from there on. `place` is that
  /// among the connections of the gatekeeper.
  boost::asio::awaitable<void> serve(net::tcp_stream peer, std::shared_ptr<void> place) {
    listing listed{open_streams, peer};
    std::array<char, file_request_bytes> request{};
    net::io_timeout wait{file_idle_timeout};
    for (bool more = true; more;) {
      auto got = co_await peer.read(request.data(), request.size(), wait);
      if (!got)
        break;
      auto asked = decode_file_request({request.data(), request.size()});
      more = co_await send_file(peer, asked);
    }
    peer.close();
    place.reset();
  }

  /// @returns false if the peer must be disconnected.
  boost::asio::awaitable<bool> send_file(net::tcp_stream& peer, file_request asked) {
    auto offer = offers.find(asked.token);
    if (!offer || asked.file >= offer->files.size())
      co_return false;
    const auto& path = offer->files[asked.file];
    auto open = [&path] { return sent_file::open(path); };
    auto file = co_await net::on(disk, open);
    if (!file.is_open())
      co_return false;
    net::io_timeout wait{file_idle_timeout};
    for (auto at = asked.offset; at < file.bytes();) {
      if (!offers.note_taken(*offer))
        co_return false;
      auto size = std::min<std::uint64_t>(file_piece_bytes, file.bytes() - at);
      auto sent = co_await peer.send_file(file.fd(), at, size, wait, disk);
      if (!sent)
        co_return false;
      at += size;
    }
    co_return offers.note_taken(*offer);
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
