#include "bulk/server.hpp"

#include "bulk/frames.hpp"
#include "bulk/session.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/net/resolve.hpp>

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <exception>
#include <fcntl.h>
#include <list>
#include <mutex>
#include <poll.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dfs {

namespace {

constexpr std::string_view log_role = "bulk";

/// The pause before the next attempt to accept when descriptors or memory have run out.
constexpr std::chrono::milliseconds short_of_files_pause{100};

/// The backlog of connections that wait to be accepted.
constexpr int backlog = 1024;

/// sendfile(2) to a peer that has gone raises SIGPIPE, which no flag prevents.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

/// A spare descriptor, to accept a connection and tell it that there are no others.
int open_spare() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

} // namespace

class bulk_server::implementation {
 public:
  implementation(chunk_store& store, bulk_server_options options)
      : shared_{store, std::move(options)}, spare_{open_spare()} {}
  ~implementation() {
    stop();
    if (spare_ >= 0)
      ::close(spare_);
  }

  atl::status listen();
  void start() {
    thread_ = std::thread{[this] { run(); }};
  }
  void stop();
  const atl::endpoint& listens_at() const { return listens_at_; }
  bulk_stats stats() const;

 private:
  struct worker {
    explicit worker(bulk_shared& shared) : serves{shared} {}
    session serves;
    std::thread thread;
    std::atomic<bool> done = false;
  };
  struct leaving {
    int fd = -1;
    steady::time_point until;
  };

  void run();
  void accept_all();
  bool wait_for_connection();
  void turn_away_without_descriptor();
  void accept_waiting();
  void take_in(int fd);
  void turn_away(int fd);
  void tell_busy(int fd, std::string_view why);
  /// Connections that are turned away need descriptors until they are closed.
  std::size_t lingering_allowed() const {
    return std::clamp<std::size_t>(shared_.options.connections_max / 4, 1, lingering_max);
  }
  void close_leaving(steady::time_point now);
  void reap();
  void serve(worker& by, int fd);

  bulk_shared shared_;
  int listener_ = -1;
  int spare_ = -1; ///< see `turn_away_without_descriptor`
  std::atomic<bool> stopping_ = false;
  atl::endpoint listens_at_;
  std::deque<leaving> leaving_; ///< turned away, the earliest first
  std::list<worker>
      workers_; ///< used by the accepting thread, and by stop() after that thread has ended
  std::atomic<std::size_t> connections_ = 0;
  std::mutex stop_mutex_;
  std::thread thread_;
};

// -- starting and stopping ----------------------------------------------------

atl::status bulk_server::implementation::listen() {
  const auto& at = shared_.options.listen;
  auto addresses = atl::net::resolve(at, steady::now() + shared_.options.timeouts.connect);
  if (!addresses)
    return tl::unexpected{addresses.error()};
  auto failed = [&] {
    return atl::fail(atl::errc::unavailable,
                     fmt::format("cannot listen at {}: {}", atl::to_string(at),
                                 std::generic_category().message(errno)));
  };
  auto address = addresses->front();
  listener_ = ::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int yes = 1;
  if (listener_ < 0 || ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(listener_, address.data(), static_cast<socklen_t>(address.size())) != 0 ||
      ::listen(listener_, backlog) != 0)
    return failed();
  auto size = static_cast<socklen_t>(address.capacity());
  if (::getsockname(listener_, address.data(), &size) != 0)
    return failed();
  listens_at_ = {at.host, address.port()};
  return {};
}

void bulk_server::implementation::stop() {
  std::lock_guard lock{stop_mutex_};
  stopping_ = true;
  if (listener_ >= 0)
    ::shutdown(listener_, SHUT_RDWR); // wakes the thread that waits for it
  if (thread_.joinable())
    thread_.join();
  if (listener_ >= 0)
    ::close(std::exchange(listener_, -1));
  for (auto& each : workers_)
    each.serves.interrupt();
  for (auto& each : workers_)
    each.thread.join();
  workers_.clear();
  close_leaving(steady::time_point::max());
}

bulk_stats bulk_server::implementation::stats() const {
  return {connections_,       shared_.busy,          shared_.malformed,
          shared_.read_bytes, shared_.written_bytes, shared_.load.load()};
}

// -- accepting ----------------------------------------------------------------

/// An exception costs one connection or a pause, not the node.
void bulk_server::implementation::run() {
  while (!stopping_) {
    try {
      accept_all();
    } catch (const std::exception& problem) {
      if (shared_.error_log.pass())
        atl::log::error(log_role, "", "cannot take in a connection: {}", problem.what());
      std::this_thread::sleep_for(short_of_files_pause);
    }
  }
}

void bulk_server::implementation::accept_all() {
  while (!stopping_) {
    if (wait_for_connection())
      accept_waiting();
    close_leaving(steady::now());
    reap();
  }
}

/// @returns false if none came before the next connection that is turned away must be closed.
bool bulk_server::implementation::wait_for_connection() {
  auto until = leaving_.empty() ? steady::now() + linger_time : leaving_.front().until;
  pollfd waiting{listener_, POLLIN, 0};
  return ::poll(&waiting, 1, poll_timeout(until)) > 0;
}

void bulk_server::implementation::accept_waiting() {
  while (!stopping_) {
    auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      take_in(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    if (errno != EAGAIN &&
        !stopping_) { // out of descriptors or memory: other connections must end first
      if (shared_.error_log.pass())
        atl::log::error(log_role, "", "cannot accept a connection: {}",
                        std::generic_category().message(errno));
      turn_away_without_descriptor();
      std::this_thread::sleep_for(short_of_files_pause);
    }
    return;
  }
}

/// Turns away the connections that wait, one after the other, with the help of the spare
/// descriptor; otherwise the peers would wait until their timeout.
void bulk_server::implementation::turn_away_without_descriptor() {
  if (spare_ >= 0)
    ::close(std::exchange(spare_, -1));
  for (int turned_away = 0; turned_away < backlog; ++turned_away) {
    auto fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
      break;
    tell_busy(fd, "the node has as many files open as it may");
    ::close(fd);
  }
  spare_ = open_spare();
}

void bulk_server::implementation::take_in(int fd) {
  reap();
  if (workers_.size() >= shared_.options.connections_max)
    return turn_away(fd);
  auto& fresh = workers_.emplace_back(shared_);
  ++connections_;
  try {
    fresh.thread = std::thread{[this, &fresh, fd] { serve(fresh, fd); }};
  } catch (const std::system_error&) { // the system starts no more threads
    --connections_;
    workers_.pop_back();
    turn_away(fd);
  }
}

void bulk_server::implementation::serve(worker& by, int fd) {
  block_sigpipe();
  try {
    by.serves.run(fd);
  } catch (
      const std::exception& problem) { // for example out of memory: only this connection is lost
    atl::log::error(log_role, "", "a connection was ended: {}", problem.what());
  }
  by.done = true;
  --connections_;
}

void bulk_server::implementation::tell_busy(int fd, std::string_view why) {
  ++shared_.busy;
  auto text = fmt::format("{}; try again", why);
  auto frame =
      wire::encode_frame(wire::op::reply, wire::encode_failure({atl::errc::busy, std::move(text)}));
  // The reply fits into the buffer of a new connection.
  (void)::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd, SHUT_WR);
}

/// Tells a peer that the node is busy, and lets the peer read that before the connection is closed.
void bulk_server::implementation::turn_away(int fd) {
  tell_busy(fd, fmt::format("there are {} connections already, as many as are allowed",
                            shared_.options.connections_max));
  if (leaving_.size() >= lingering_allowed())
    close_leaving(leaving_.front().until);
  leaving_.push_back({fd, steady::now() + linger_time});
}

void bulk_server::implementation::close_leaving(steady::time_point now) {
  while (!leaving_.empty() && leaving_.front().until <= now) {
    ::close(leaving_.front().fd);
    leaving_.pop_front();
  }
}

void bulk_server::implementation::reap() {
  std::erase_if(workers_, [](worker& each) {
    if (!each.done)
      return false;
    each.thread.join();
    return true;
  });
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
    impl->start();
    return std::unique_ptr<bulk_server>{new bulk_server{std::move(impl)}};
  } catch (const std::system_error& problem) {
    return atl::fail(atl::errc::busy,
                     fmt::format("cannot start a thread for the bulk port: {}", problem.what()));
  }
}

const atl::endpoint& bulk_server::listens_at() const {
  return impl_->listens_at();
}

bulk_stats bulk_server::stats() const {
  return impl_->stats();
}

void bulk_server::stop() {
  impl_->stop();
}

} // namespace dfs
