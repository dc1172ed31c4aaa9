#include "bulk/server.hpp"

#include "bulk/bulk_handshake.hpp"
#include "bulk/frames.hpp"
#include "bulk/session.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <csignal>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dfs {

namespace {

constexpr std::string_view log_role = "bulk";

/// sendfile(2) to a peer that has gone raises SIGPIPE, which no flag prevents.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

} // namespace

class bulk_server::implementation {
 public:
  implementation(chunk_store& store, bulk_server_options options)
      : shared_{store, std::move(options)} {}
  ~implementation() { stop(); }

  atl::status listen();
  void stop();
  const atl::endpoint& listens_at() const { return gatekeeper_->listens_at(); }
  void join_group(const std::string& group);
  bulk_stats stats() const;

 private:
  struct worker {
    explicit worker(bulk_shared& shared) : serves{shared} {}
    session serves;
    std::thread thread;
  };
  using worker_place = std::list<worker>::iterator;

  void take_in(atl::net::admitted accepted);
  void serve(worker_place by, int fd, std::shared_ptr<void> place);
  void turn_away(int fd);

  bulk_shared shared_;
  std::list<worker> workers_; ///< used by the I/O thread, and by stop() after that thread has ended
  std::atomic<std::size_t> connections_ = 0;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  atl::net::io_thread io_{"bulk"};
  std::unique_ptr<atl::net::gatekeeper> gatekeeper_;
};

// -- starting and stopping ----------------------------------------------------

atl::status bulk_server::implementation::listen() {
  const auto& options = shared_.options;
  atl::net::gatekeeper_settings settings;
  settings.listen = options.listen;
  settings.self = on_bulk_plane(options.self);
  settings.secret = options.secret;
  settings.connections_max = options.connections_max;
  settings.reserve = options.connections_max / connections_per_reserved;
  settings.spare_role = "client";
  settings.unproved_max = options.unproved_max;
  auto opened =
      atl::net::gatekeeper::open(io_.shared_context(), std::move(settings),
                                 [this](atl::net::admitted each) { take_in(std::move(each)); });
  if (!opened)
    return tl::unexpected{opened.error()};
  gatekeeper_ = std::move(*opened);
  return {};
}

void bulk_server::implementation::stop() {
  std::lock_guard lock{stop_mutex_};
  if (std::exchange(stopped_, true))
    return;
  if (gatekeeper_)
    gatekeeper_->close();
  io_.stop();
  for (auto& each : workers_)
    each.serves.interrupt();
  for (auto& each : workers_)
    each.thread.join();
  workers_.clear();
}

void bulk_server::implementation::join_group(const std::string& group) {
  shared_.join_group(group);
  gatekeeper_->introduce_as(on_bulk_plane(shared_.self()));
}

bulk_stats bulk_server::implementation::stats() const {
  auto handshakes = gatekeeper_->counters();
  auto refused = handshakes.refused[static_cast<std::size_t>(atl::net::refusal::busy)];
  return {connections_,          shared_.busy + refused, shared_.malformed,    shared_.read_bytes,
          shared_.written_bytes, shared_.load.load(),    std::move(handshakes)};
}

// -- connections --------------------------------------------------------------

void bulk_server::implementation::take_in(atl::net::admitted accepted) {
  auto fresh = workers_.emplace(workers_.end(), shared_);
  boost::system::error_code failed;
  auto fd = accepted.socket.release(failed);
  if (failed) {
    workers_.erase(fresh);
    return;
  }
  ++connections_;
  try {
    fresh->thread = std::thread{[this, fresh, fd, place = std::move(accepted.place)]() mutable {
      serve(fresh, fd, std::move(place));
    }};
  } catch (const std::system_error&) { // the system starts no more threads
    --connections_;
    workers_.erase(fresh);
    turn_away(fd);
  }
}

void bulk_server::implementation::serve(worker_place by, int fd, std::shared_ptr<void> place) {
  block_sigpipe();
  try {
    by->serves.run(fd);
  } catch (
      const std::exception& problem) { // for example out of memory: only this connection is lost
    atl::log::error(log_role, "", "a connection was ended: {}", problem.what());
  }
  place.reset();
  --connections_;
  boost::asio::post(io_.context(), [this, by] {
    by->thread.join();
    workers_.erase(by);
  });
}

/// Answers the peer's first request before it comes.
void bulk_server::implementation::turn_away(int fd) {
  ++shared_.busy;
  auto frame = wire::encode_frame(
      wire::op::reply,
      wire::encode_failure({atl::errc::busy, "the node can't start more threads; try again"}));
  // The reply fits into the buffer of a new connection.
  (void)::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

// -- public face --------------------------------------------------------------

bulk_server::bulk_server(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

bulk_server::~bulk_server() = default;

atl::result<std::unique_ptr<bulk_server>> bulk_server::start(chunk_store& store,
                                                             bulk_server_options options) {
  try {
    auto impl = std::make_unique<implementation>(store, std::move(options));
    if (auto done = impl->listen(); !done)
      return tl::unexpected{done.error()};
    return std::unique_ptr<bulk_server>{new bulk_server{std::move(impl)}};
  } catch (const std::system_error& problem) {
    return atl::fail(atl::errc::busy,
                     fmt::format("cannot start a thread for the bulk port: {}", problem.what()));
  }
}

const atl::endpoint& bulk_server::listens_at() const {
  return impl_->listens_at();
}

void bulk_server::join_group(const std::string& group) {
  impl_->join_group(group);
}

bulk_stats bulk_server::stats() const {
  return impl_->stats();
}

void bulk_server::stop() {
  impl_->stop();
}

} // namespace dfs
