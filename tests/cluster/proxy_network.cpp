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
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace asio = boost::asio;
namespace fs = std::filesystem;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// What the test wants of the network.
struct wires {
  std::set<std::string> unplugged;
  std::set<std::pair<std::string, std::string>> cuts;
  std::map<std::string, pid_t> processes;
};

/// The same, for the test's thread and that of the proxies.
class wiring {
 public:
  void change(const std::function<void(wires&)>& how) {
    std::lock_guard lock{mutex_};
    how(wires_);
  }
  bool passes(const std::string& from, const std::string& to) const {
    std::lock_guard lock{mutex_};
    return !wires_.unplugged.contains(from) && !wires_.unplugged.contains(to) &&
           !wires_.cuts.contains({from, to});
  }
  std::map<std::string, pid_t> processes() const {
    std::lock_guard lock{mutex_};
    return wires_.processes;
  }

 private:
  mutable std::mutex mutex_;
  wires wires_;
};

/// The kernel's number for a connected socket of 127.0.0.1 with these ports; 0 when it is gone. By
/// sock_diag(7), which looks one up: /proc/net/tcp lists all there are, at a busy time thousands.
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

/// Things to do as soon as the network lets something pass. Used by the proxies' thread alone.
class gate {
 public:
  explicit gate(const wiring& network) : network_{network} {}

  void when_passes(const std::string& from, const std::string& to, std::function<void()> step) {
    if (network_.passes(from, to))
      step();
    else
      waiting_.push_back({from, to, std::move(step)});
  }
  void look_again() {
    for (auto& it : std::exchange(waiting_, {}))
      when_passes(it.from, it.to, std::move(it.step));
  }

 private:
  struct patient {
    std::string from;
    std::string to;
    std::function<void()> step;
  };
  const wiring& network_;
  std::vector<patient> waiting_;
};

/// One way of a connection.
struct lane {
  tcp::socket& in;
  tcp::socket& out;
  std::string from;
  std::string to;
  std::array<char, 64 << 10> buffer{};
};

/// A connection, of which both ends believe that it leads to the other.
class session : public std::enable_shared_from_this<session> {
 public:
  session(gate& gate, tcp::socket caller, const std::string& from, const std::string& to)
      : gate_{gate}, caller_{std::move(caller)}, callee_{caller_.get_executor()},
        there_{caller_, callee_, from, to}, back_{callee_, caller_, to, from} {}

  /// A handshake goes there and back.
  void connect(const tcp::endpoint& where) {
    gate_.when_passes(there_.from, there_.to, [this, self = shared_from_this(), where] {
      gate_.when_passes(back_.from, back_.to, [this, self, where] {
        callee_.async_connect(where, [this, self](error_code failed) {
          if (failed)
            return close();
          // The ends decide what goes out when.
          caller_.set_option(tcp::no_delay{true}, failed);
          callee_.set_option(tcp::no_delay{true}, failed);
          read(there_);
          read(back_);
        });
      });
    });
  }

 private:
  void read(lane& it) {
    gate_.when_passes(it.from, it.to, [this, self = shared_from_this(), &it] {
      it.in.async_read_some(asio::buffer(it.buffer),
                            [this, self, &it](error_code failed, std::size_t size) {
                              gate_.when_passes(it.from, it.to, [this, self, &it, failed, size] {
                                failed ? end(it) : write(it, size);
                              });
                            });
    });
  }
  void write(lane& it, std::size_t size) {
    asio::async_write(it.out, asio::buffer(it.buffer.data(), size),
                      [this, self = shared_from_this(), &it](error_code failed, std::size_t) {
                        if (!failed)
                          return read(it);
                        // That it is gone is news, too, which must get through.
                        gate_.when_passes(it.to, it.from, [this, self] { close(); });
                      });
  }
  void end(lane& it) {
    error_code ignored;
    it.out.shutdown(tcp::socket::shutdown_send, ignored);
  }
  void close() {
    error_code ignored;
    caller_.close(ignored);
    callee_.close(ignored);
  }

  gate& gate_;
  tcp::socket caller_;
  tcp::socket callee_;
  lane there_;
  lane back_;
};

/// Stands where others find a node.
class proxy {
 public:
  proxy(asio::io_context& io, const wiring& network, gate& gate, std::string host,
        std::uint16_t port)
      : network_{network}, gate_{gate}, host_{std::move(host)},
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
      std::make_shared<session>(gate_, std::move(caller), host_at(from.port()), host_)
          ->connect(node_);
  }
  /// Whose process it is that connects from a port; empty: none of the hosts'.
  std::string host_at(std::uint16_t from) const {
    auto inode = inode_of(from, port());
    for (auto& [host, process] : network_.processes())
      if (holds_socket(process, inode))
        return host;
    return {};
  }

  const wiring& network_;
  gate& gate_;
  std::string host_;
  tcp::endpoint node_;
  tcp::acceptor acceptor_;
};

} // namespace

struct proxy_network::implementation {
  wiring network;
  asio::io_context io{1};
  gate the_gate{network};
  std::map<std::pair<std::string, std::uint16_t>, proxy> proxies;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};

  void change(const std::function<void(wires&)>& how) {
    network.change(how);
    asio::post(io, [this] { the_gate.look_again(); });
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
  impl_->change([&](wires& it) { it.processes[host] = process; });
}

void proxy_network::unplug(const std::string& host) {
  impl_->change([&](wires& it) { it.unplugged.insert(host); });
}

void proxy_network::plug_in(const std::string& host) {
  impl_->change([&](wires& it) { it.unplugged.erase(host); });
}

void proxy_network::cut(const std::string& from, const std::string& to) {
  impl_->change([&](wires& it) { it.cuts.insert({from, to}); });
}

void proxy_network::join(const std::string& from, const std::string& to) {
  impl_->change([&](wires& it) { it.cuts.erase({from, to}); });
}
