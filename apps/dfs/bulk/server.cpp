#include "bulk/server.hpp"

#include "bulk/bulk_handshake.hpp"
#include "bulk/session.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/net/coroutine_group.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dfs {

namespace {

constexpr const char* log_role = "bulk";

/// A thread, and the sessions that it serves.
struct lane {
  atl::net::io_thread io{log_role};
  std::set<session*> sessions; ///< the thread's own
  bool is_stopping = false;    ///< the thread's own
};

/// Counts a connection towards the limit of the server's connections, as long as it exists.
class seat {
 public:
  seat(std::atomic<std::size_t>& taken, std::shared_ptr<void> place)
      : taken_{taken}, place_{std::move(place)} {}
  /// Releases the gatekeeper's place before it lowers the count, because a client that sees the
  /// lower count may connect at once.
  ~seat() {
    place_.reset();
    --taken_;
  }
  seat(const seat&) = delete;
  seat& operator=(const seat&) = delete;

 private:
  std::atomic<std::size_t>& taken_;
  std::shared_ptr<void> place_;
};

/// Keeps a session in the list of its lane's sessions, as long as the session runs.
class listing {
 public:
  listing(lane& in, session& which) : in_{in}, which_{which} { in_.sessions.insert(&which_); }
  ~listing() { in_.sessions.erase(&which_); }
  listing(const listing&) = delete;
  listing& operator=(const listing&) = delete;

 private:
  lane& in_;
  session& which_;
};

std::size_t lanes_for(unsigned processors) {
  return std::clamp(processors, 2u, server_io_threads_max);
}

} // namespace

class bulk_server::implementation {
 public:
  implementation(fragment_store& store, bulk_server_options options)
      : shared_{store, std::move(options)} {
    for (std::size_t i = 0; i < lanes_for(std::thread::hardware_concurrency()); ++i)
      lanes_.push_back(std::make_unique<lane>());
  }
  ~implementation() { stop(); }

  atl::status listen();
  void stop();
  const atl::endpoint& listens_at() const { return gatekeeper_->listens_at(); }
  void join_group(const std::string& group);
  atl::net::identity self() const { return shared_.self(); }
  bulk_stats stats() const;

 private:
  void take_in(atl::net::admitted accepted);
  boost::asio::awaitable<void> serve(lane& in, int fd, std::shared_ptr<void> place);

  bulk_shared shared_;
  std::atomic<std::size_t> connections_ = 0;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  std::vector<std::unique_ptr<lane>> lanes_; ///< the first one serves the gatekeeper, too
  std::size_t next_lane_ = 0;                ///< the first lane's own
  atl::net::coroutine_group serving_{log_role};
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
      atl::net::gatekeeper::open(lanes_.front()->io.shared_context(), std::move(settings),
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
  for (auto& each : lanes_)
    boost::asio::post(each->io.context(), [in = each.get()] {
      in->is_stopping = true;
      for (auto* open : in->sessions)
        open->interrupt();
    });
  serving_.wait();
  for (auto& each : lanes_)
    each->io.stop();
  shared_.disk_readers.stop();
  shared_.disk_writers.stop();
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
  boost::system::error_code failed;
  auto fd = accepted.socket.release(failed);
  if (failed)
    return;
  ++connections_;
  auto& in = *lanes_[next_lane_++ % lanes_.size()];
  serving_.start(in.io.context(), serve(in, fd, std::move(accepted.place)));
}

boost::asio::awaitable<void> bulk_server::implementation::serve(lane& in, int fd,
                                                                std::shared_ptr<void> place) {
  seat taken{connections_, std::move(place)};
  auto peer = atl::net::tcp_stream::adopt(in.io.context(), fd);
  if (!peer || in.is_stopping)
    co_return;
  session one{shared_, in.io.shared_context(), std::move(*peer)};
  listing listed{in, one};
  co_await one.run();
}

// -- public face --------------------------------------------------------------

bulk_server::bulk_server(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

bulk_server::~bulk_server() = default;

atl::result<std::unique_ptr<bulk_server>> bulk_server::start(fragment_store& store,
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

atl::net::identity bulk_server::self() const {
  return impl_->self();
}

bulk_stats bulk_server::stats() const {
  return impl_->stats();
}

void bulk_server::stop() {
  impl_->stop();
}

} // namespace dfs
