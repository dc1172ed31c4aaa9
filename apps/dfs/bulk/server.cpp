#include "bulk/server.hpp"

#include "bulk/frames.hpp"
#include "bulk/resolve.hpp"
#include "bulk/session.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/core/log.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace dfs {

namespace {

using tcp = boost::asio::ip::tcp;

constexpr std::string_view log_role = "bulk";

/// How long to wait when the process is out of files or memory for another connection.
constexpr std::chrono::milliseconds short_of_files_pause{100};

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
      : shared_{store, std::move(options)}, acceptor_{loop_.context()} {}
  ~implementation() { stop(); }

  atl::status listen();
  void start() {
    thread_ = std::thread{[this] { accept_all(); }};
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

  void accept_all();
  bool wait_for_connection();
  void accept_waiting();
  void take_in(int fd);
  void turn_away(int fd);
  void close_leaving(steady::time_point now);
  void reap();
  void serve(worker& by, int fd);

  bulk_shared shared_;
  io_loop loop_;
  tcp::acceptor acceptor_;
  atl::endpoint listens_at_;
  std::deque<leaving> leaving_; ///< turned away, the earliest first
  std::list<worker> workers_;   ///< of the accepting thread, and of stop() after it
  std::atomic<std::size_t> connections_ = 0;
  std::mutex stop_mutex_;
  std::thread thread_;
};

// -- starting and stopping ----------------------------------------------------

atl::status bulk_server::implementation::listen() {
  const auto& at = shared_.options.listen;
  auto addresses = resolve(at, steady::now() + shared_.options.timeouts.connect);
  if (!addresses)
    return tl::unexpected{addresses.error()};
  boost::system::error_code why;
  const auto& address = addresses->front();
  acceptor_.open(address.protocol(), why);
  if (!why)
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, why);
  if (!why)
    acceptor_.bind(address, why);
  if (!why)
    acceptor_.listen(static_cast<int>(shared_.options.max_connections), why);
  if (!why)
    acceptor_.native_non_blocking(true, why);
  if (why)
    return atl::fail(atl::errc::unavailable,
                     fmt::format("cannot listen at {}: {}", atl::to_string(at), why.message()));
  listens_at_ = {at.host, acceptor_.local_endpoint(why).port()};
  return {};
}

void bulk_server::implementation::stop() {
  std::lock_guard lock{stop_mutex_};
  loop_.interrupt();
  if (thread_.joinable())
    thread_.join();
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (auto& each : workers_)
    each.serves.interrupt();
  for (auto& each : workers_)
    each.thread.join();
  workers_.clear();
  close_leaving(steady::time_point::max());
}

bulk_stats bulk_server::implementation::stats() const {
  return {connections_, shared_.busy, shared_.malformed, shared_.read_bytes, shared_.written_bytes};
}

// -- accepting ----------------------------------------------------------------

void bulk_server::implementation::accept_all() {
  while (!loop_.interrupted()) {
    if (wait_for_connection())
      accept_waiting();
    close_leaving(steady::now());
    reap();
  }
}

/// False: none came before one of those leaving is to be closed.
bool bulk_server::implementation::wait_for_connection() {
  bool waiting = true;
  acceptor_.async_wait(tcp::acceptor::wait_read,
                       [&](const boost::system::error_code&) { waiting = false; });
  auto until = leaving_.empty() ? steady::now() + linger_time : leaving_.front().until;
  while (waiting && loop_.run_once(until)) {
  }
  bool came = !waiting;
  boost::system::error_code ignored;
  acceptor_.cancel(ignored);
  while (waiting)
    loop_.drain();
  return came;
}

void bulk_server::implementation::accept_waiting() {
  for (;;) {
    auto fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      take_in(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    if (errno != EAGAIN) { // out of files or memory: others have to end first
      if (shared_.complaints.pass())
        atl::log::error(log_role, "", "cannot accept a connection: {}",
                        std::generic_category().message(errno));
      std::this_thread::sleep_for(short_of_files_pause);
    }
    return;
  }
}

void bulk_server::implementation::take_in(int fd) {
  reap();
  if (workers_.size() >= shared_.options.max_connections)
    return turn_away(fd);
  auto& fresh = workers_.emplace_back(shared_);
  ++connections_;
  try {
    fresh.thread = std::thread{[this, &fresh, fd] { serve(fresh, fd); }};
  } catch (const std::system_error&) { // no more threads to be had
    --connections_;
    workers_.pop_back();
    turn_away(fd);
  }
}

void bulk_server::implementation::serve(worker& by, int fd) {
  block_sigpipe();
  try {
    by.serves.run(fd);
  } catch (const std::exception& problem) { // out of memory, say: this connection's loss alone
    atl::log::error(log_role, "", "a connection was ended: {}", problem.what());
  }
  by.done = true;
  --connections_;
}

/// Tells a peer that there is no room, and lets it read that before the connection is closed.
void bulk_server::implementation::turn_away(int fd) {
  ++shared_.busy;
  auto text = fmt::format("there are {} connections already, as many as are allowed; try again",
                          shared_.options.max_connections);
  auto frame =
      wire::encode_frame(wire::op::reply, wire::encode_failure({atl::errc::busy, std::move(text)}));
  // Fits into any fresh connection's buffer.
  (void)::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  if (leaving_.size() >= max_lingering)
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
  auto impl = std::make_unique<implementation>(store, std::move(options));
  if (auto done = impl->listen(); !done)
    return tl::unexpected{done.error()};
  impl->start();
  return std::unique_ptr<bulk_server>{new bulk_server{std::move(impl)}};
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
