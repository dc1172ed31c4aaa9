#include "proxy_network.hpp"

#include <boost/asio.hpp>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// The cuts that the test requests.
struct cut_state {
  std::set<std::string> isolated;
  std::set<std::pair<std::string, std::string>> cuts;
  std::map<std::pair<std::string, std::string>, std::string> cuts_at; ///< begin at these bytes
  std::map<std::string, pid_t> processes;
};

/// The cuts, shared by the test's thread and that of the proxies.
class shared_cut_state {
 public:
  void change(const std::function<void(cut_state&)>& how) {
    std::lock_guard lock{mutex_};
    how(wires_);
  }
  bool passes(const std::string& from, const std::string& to) const {
    std::lock_guard lock{mutex_};
    return !wires_.isolated.contains(from) && !wires_.isolated.contains(to) &&
           !wires_.cuts.contains({from, to});
  }
  bool is_cut(const std::string& from, const std::string& to) const {
    std::lock_guard lock{mutex_};
    return wires_.cuts.contains({from, to});
  }
  /// Begins a cut if these bytes are those that it waits for.
  void watch(const std::string& from, const std::string& to, std::string_view bytes) {
    std::lock_guard lock{mutex_};
    auto waiting = wires_.cuts_at.find({from, to});
    if (waiting == wires_.cuts_at.end() || bytes.find(waiting->second) == bytes.npos)
      return;
    wires_.cuts.insert(waiting->first);
    wires_.cuts_at.erase(waiting);
  }
  std::map<std::string, pid_t> processes() const {
    std::lock_guard lock{mutex_};
    return wires_.processes;
  }

 private:
  mutable std::mutex mutex_;
  cut_state wires_;
};

/// The kernel's number for a connected socket of 127.0.0.1 with these ports; 0 when it is gone. By
/// sock_diag(7), which looks up one socket: /proc/net/tcp lists all, which may be thousands.
std::uint32_t inode_of(std::uint16_t local, std::uint16_t remote) {
  struct {
    nlmsghdr header{};
    inet_diag_req_v2 wanted{};
  } query;
  query.header.nlmsg_len = sizeof(query);
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.wanted.sdiag_family = AF_INET;
  query.wanted.sdiag_protocol = IPPROTO_TCP;
  query.wanted.idiag_states = ~0U;
  auto& id = query.wanted.id;
  id.idiag_sport = htons(local);
  id.idiag_dport = htons(remote);
  id.idiag_src[0] = id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  struct {
    nlmsghdr header{};
    inet_diag_msg found{};
    std::array<char, 1024> more{};
  } answer;
  auto kernel = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  auto got = ::send(kernel, &query, sizeof(query), 0) == sizeof(query)
                 ? ::recv(kernel, &answer, sizeof(answer), 0)
                 : -1;
  ::close(kernel);
  auto whole = static_cast<ssize_t>(sizeof(answer.header) + sizeof(answer.found));
  return got >= whole && answer.header.nlmsg_type == SOCK_DIAG_BY_FAMILY ? answer.found.idiag_inode
                                                                         : 0;
}

bool holds_socket(pid_t process, std::uint32_t inode) {
  std::error_code failed;
  auto wanted = fmt::format("socket:[{}]", inode);
  for (fs::directory_iterator it{fmt::format("/proc/{}/fd", process), failed}, end;
       !failed && it != end; it.increment(failed)) {
    std::error_code gone;
    if (fs::read_symlink(it->path(), gone) == wanted)
      return true;
  }
  return false;
}

/// Actions to run when a cut is healed. Used only by the proxies' thread.
class deferred_actions {
 public:
  explicit deferred_actions(shared_cut_state& network) : network_{network} {}

  void watch(const std::string& from, const std::string& to, std::string_view bytes) {
    network_.watch(from, to, bytes);
  }

  void run_when_connected(const std::string& from, const std::string& to,
                          std::function<void()> step) {
    if (network_.passes(from, to))
      step();
    else
      waiting_.push_back({from, to, std::move(step)});
  }
  void retry_all() {
    for (auto& it : std::exchange(waiting_, {}))
      run_when_connected(it.from, it.to, std::move(it.step));
  }

 private:
  struct deferred_action {
    std::string from;
    std::string to;
    std::function<void()> step;
  };
  shared_cut_state& network_;
  std::vector<deferred_action> waiting_;
};

/// One direction of a connection.
struct direction {
  tcp::socket& in;
  tcp::socket& out;
  std::string from;
  std::string to;
  std::array<char, 64 << 10> buffer{};
};

/// A connection between two nodes through the proxy.
class session : public std::enable_shared_from_this<session> {
 public:
  session(deferred_actions& deferred_actions, tcp::socket caller, const std::string& from,
          const std::string& to)
      : deferred_{deferred_actions}, caller_{std::move(caller)}, callee_{caller_.get_executor()},
        there_{caller_, callee_, from, to}, back_{callee_, caller_, to, from} {}

  /// A handshake needs both directions.
  void connect(const tcp::endpoint& where) {
    deferred_.run_when_connected(there_.from, there_.to, [this, self = shared_from_this(), where] {
      deferred_.run_when_connected(back_.from, back_.to, [this, self, where] {
        callee_.async_connect(where, [this, self](error_code failed) {
          if (failed)
            return close();
          // The ends decide when to send.
          caller_.set_option(tcp::no_delay{true}, failed);
          callee_.set_option(tcp::no_delay{true}, failed);
          read(there_);
          read(back_);
        });
      });
    });
  }

 private:
  void read(direction& it) {
    deferred_.run_when_connected(it.from, it.to, [this, self = shared_from_this(), &it] {
      it.in.async_read_some(
          asio::buffer(it.buffer), [this, self, &it](error_code failed, std::size_t size) {
            deferred_.watch(it.from, it.to, {it.buffer.data(), size});
            deferred_.run_when_connected(it.from, it.to, [this, self, &it, failed, size] {
              failed ? end(it) : write(it, size);
            });
          });
    });
  }
  void write(direction& it, std::size_t size) {
    asio::async_write(it.out, asio::buffer(it.buffer.data(), size),
                      [this, self = shared_from_this(), &it](error_code failed, std::size_t) {
                        if (!failed)
                          return read(it);
                        // The close must pass the network, too.
                        deferred_.run_when_connected(it.to, it.from, [this, self] { close(); });
                      });
  }
  void end(direction& it) {
    error_code ignored;
    it.out.shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() {
    error_code ignored;
    caller_.close(ignored);
    callee_.close(ignored);
  }

  deferred_actions& deferred_;
  tcp::socket caller_;
  tcp::socket callee_;
  direction there_;
  direction back_;
};

/// Listens at the public address of a node.
class proxy {
 public:
  proxy(asio::io_context& io, const shared_cut_state& network, deferred_actions& deferred_actions,
        std::string host, std::uint16_t port)
      : network_{network}, deferred_{deferred_actions}, host_{std::move(host)},
        node_{asio::ip::address_v4::loopback(), port},
        acceptor_{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}} {
    accept();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket caller) {
      if (failed == asio::error::operation_aborted)
        return;
      if (!failed)
        take(std::move(caller));
      accept();
    });
  }
  void take(tcp::socket caller) {
    error_code gone;
    auto from = caller.remote_endpoint(gone);
    if (!gone)
      std::make_shared<session>(deferred_, std::move(caller), host_at(from.port()), host_)
          ->connect(node_);
  }
  /// The host whose process connects from a port; empty: no host.
  std::string host_at(std::uint16_t from) const {
    auto inode = inode_of(from, port());
    for (auto& [host, process] : network_.processes())
      if (holds_socket(process, inode))
        return host;
    return {};
  }

  const shared_cut_state& network_;
  deferred_actions& deferred_;
  std::string host_;
  tcp::endpoint node_;
  tcp::acceptor acceptor_;
};

} // namespace

struct proxy_network::implementation {
  shared_cut_state network;
  asio::io_context io{1};
  deferred_actions the_gate{network};
  std::map<std::pair<std::string, std::uint16_t>, proxy> proxies;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};

  void change(const std::function<void(cut_state&)>& how) {
    network.change(how);
    asio::post(io, [this] { the_gate.retry_all(); });
  }
};

proxy_network::proxy_network() : impl_{std::make_unique<implementation>()} {}

proxy_network::~proxy_network() {
  impl_->io.stop();
  impl_->thread.join();
}

std::string proxy_network::address_of(const std::string& host, std::uint16_t port) {
  std::promise<std::uint16_t> found;
  asio::post(impl_->io, [&] {
    auto made = impl_->proxies.try_emplace({host, port}, impl_->io, impl_->network, impl_->the_gate,
                                           host, port);
    found.set_value(made.first->second.port());
  });
  return fmt::format("127.0.0.1:{}", found.get_future().get());
}

std::string proxy_network::listens_at(const std::string&, std::uint16_t port) {
  return fmt::format("127.0.0.1:{}", port);
}

void proxy_network::runs(const std::string& host, pid_t process) {
  impl_->change([&](cut_state& it) { it.processes[host] = process; });
}

void proxy_network::isolate(const std::string& host) {
  impl_->change([&](cut_state& it) { it.isolated.insert(host); });
}

void proxy_network::rejoin(const std::string& host) {
  impl_->change([&](cut_state& it) { it.isolated.erase(host); });
}

void proxy_network::cut(const std::string& from, const std::string& to) {
  impl_->change([&](cut_state& it) { it.cuts.insert({from, to}); });
}

void proxy_network::join(const std::string& from, const std::string& to) {
  impl_->change([&](cut_state& it) { it.cuts.erase({from, to}); });
}

void proxy_network::cut_at(const std::string& from, const std::string& to,
                           const std::string& bytes) {
  impl_->change([&](cut_state& it) { it.cuts_at[{from, to}] = bytes; });
}

bool proxy_network::is_cut(const std::string& from, const std::string& to) const {
  return impl_->network.is_cut(from, to);
}
