#include "etcd.hpp"

#include "free_port.hpp"
#include "machine.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

std::string run(const std::string& command) {
  std::string out;
  auto* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr)
    return out;
  std::array<char, 4096> buffer;
  while (auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), got);
  ::pclose(pipe);
  return out;
}

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j)
      out[at++] = i + j > text.size() ? '=' : digits[bits >> (18 - 6 * j) & 63];
  }
  out.resize(at);
  return out;
}

/// A keep-alive connection that carries one request at a time.
struct connection {
  explicit connection(asio::io_context& io) : socket{io} {}

  tcp::socket socket;
  beast::flat_buffer buffer;
  beast::http::request<beast::http::string_body> request;
  beast::http::response<beast::http::string_body> response;

  void open(std::uint16_t port) {
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    socket.set_option(tcp::no_delay{true});
  }
  void post(const char* target, std::string body, std::function<void(bool)> done) {
    request = {};
    request.method(beast::http::verb::post);
    request.target(target);
    request.version(11);
    request.set(beast::http::field::host, "127.0.0.1");
    request.keep_alive(true);
    request.body() = std::move(body);
    request.prepare_payload();
    beast::http::async_write(socket, request, [this, done](auto failed, auto) {
      if (failed)
        return done(false);
      response = {};
      beast::http::async_read(socket, buffer, response, [this, done](auto problem, auto) {
        done(!problem && response.result() == beast::http::status::ok);
      });
    });
  }
};

} // namespace

/// The connections of some clients, and the thread that serves them.
struct etcd_group::http {
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::vector<std::unique_ptr<connection>> connections;
  std::thread thread;

  ~http() {
    work.reset();
    io.stop();
    if (thread.joinable())
      thread.join();
  }
};

bool etcd_group::available() {
  return std::system("command -v etcd etcdctl > /dev/null 2>&1") == 0;
}

std::string etcd_group::version() {
  auto text = run("etcd --version");
  return text.substr(0, text.find('\n'));
}

etcd_group::etcd_group() {
  std::vector<std::string> members;
  std::vector<std::uint16_t> peers;
  for (int i = 0; i < 3; ++i) {
    ports_.push_back(free_port());
    peers.push_back(free_port());
    members.push_back(fmt::format("m{}=http://127.0.0.1:{}", i, peers.back()));
  }
  for (int i = 0; i < 3; ++i) {
    std::vector<std::string> words{"etcd",
                                   "--name",
                                   fmt::format("m{}", i),
                                   "--data-dir",
                                   (folder_.path() / fmt::format("m{}", i)).string(),
                                   "--listen-client-urls",
                                   fmt::format("http://127.0.0.1:{}", ports_[i]),
                                   "--advertise-client-urls",
                                   fmt::format("http://127.0.0.1:{}", ports_[i]),
                                   "--listen-peer-urls",
                                   fmt::format("http://127.0.0.1:{}", peers[i]),
                                   "--initial-advertise-peer-urls",
                                   fmt::format("http://127.0.0.1:{}", peers[i]),
                                   "--initial-cluster",
                                   fmt::format("{}", fmt::join(members, ",")),
                                   "--initial-cluster-token",
                                   "bench",
                                   "--log-level",
                                   "error"};
    auto child = ::fork();
    if (child == 0) {
      auto log = (folder_.path() / fmt::format("m{}.log", i)).string();
      if (std::freopen(log.c_str(), "w", stderr) == nullptr)
        ::_exit(127);
      std::vector<char*> arguments;
      for (auto& word : words)
        arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    processes_.push_back(child);
  }
  auto health = fmt::format("ETCDCTL_API=3 etcdctl --endpoints={} endpoint health 2>&1",
                            fmt::join(endpoints(), ","));
  for (int i = 0; i < 100; ++i) {
    auto text = run(health);
    if (text.find("unhealthy") == text.npos && text.find("is healthy") != text.npos)
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
  }
  throw std::runtime_error("etcd didn't come up: " + run(health));
}

etcd_group::~etcd_group() {
  clients_.clear();
  for (auto pid : processes_) {
    ::kill(pid, SIGTERM);
    ::waitpid(pid, nullptr, 0);
  }
}

std::vector<std::string> etcd_group::endpoints() const {
  std::vector<std::string> all;
  for (auto port : ports_)
    all.push_back(fmt::format("127.0.0.1:{}", port));
  return all;
}

std::size_t etcd_group::leader() const {
  auto text = run(fmt::format("ETCDCTL_API=3 etcdctl --endpoints={} endpoint status -w json",
                              fmt::join(endpoints(), ",")));
  auto status = nlohmann::json::parse(text, nullptr, false);
  for (std::size_t i = 0; status.is_array() && i < status.size(); ++i)
    if (status[i]["Status"]["leader"] == status[i]["Status"]["header"]["member_id"])
      return i;
  return 0;
}

operation etcd_group::put(int clients) {
  auto to = std::make_shared<http>();
  auto port = ports_[leader()];
  for (int i = 0; i < clients; ++i)
    to->connections.emplace_back(std::make_unique<connection>(to->io))->open(port);
  to->thread = std::thread{[io = &to->io] { io->run(); }};
  clients_.push_back(to);
  auto value = base64(std::string(256, 'x'));
  return [to = to.get(), value](int client, std::function<void(bool)> done) {
    auto body = fmt::format(R"({{"key":"{}","value":"{}"}})",
                            base64(fmt::format("client-{}", client)), value);
    asio::post(to->io, [to, client, body = std::move(body), done = std::move(done)] {
      to->connections[static_cast<std::size_t>(client)]->post("/v3/kv/put", body, done);
    });
  };
}

operation etcd_group::range(int clients) {
  auto to = std::make_shared<http>();
  for (int i = 0; i < clients; ++i)
    to->connections.emplace_back(std::make_unique<connection>(to->io))
        ->open(ports_[static_cast<std::size_t>(i) % ports_.size()]);
  to->thread = std::thread{[io = &to->io] { io->run(); }};
  clients_.push_back(to);
  return [to = to.get()](int client, std::function<void(bool)> done) {
    auto body = fmt::format(R"({{"key":"{}"}})", base64(fmt::format("client-{}", client)));
    asio::post(to->io, [to, client, body = std::move(body), done = std::move(done)] {
      to->connections[static_cast<std::size_t>(client)]->post("/v3/kv/range", body, done);
    });
  };
}

double etcd_group::processor_seconds() const {
  double sum = 0;
  for (auto pid : processes_)
    sum += machine::processor_seconds(pid);
  return sum;
}

std::string etcd_group::check_perf() {
  return run(fmt::format("ETCDCTL_API=3 etcdctl --endpoints={} check perf --load=m 2>&1 | tr '\\r' "
                         "'\\n' | grep -E 'PASS|FAIL'",
                         fmt::join(endpoints(), ",")));
}
