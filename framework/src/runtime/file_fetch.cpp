#include "file_request.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/core/sync.hpp>
#include <atoll/net/dialer.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>

namespace atl::runtime {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = std::chrono::steady_clock;

/// How long a step waits before it checks `stop` again.
constexpr auto look_interval = std::chrono::milliseconds{100};

/// A connection whose steps also end when the fetch is stopped or idle for too long.
class connection {
 public:
  connection(const std::atomic<bool>& stop, std::chrono::milliseconds idle_timeout)
      : stop_{stop}, idle_timeout_{idle_timeout} {}

  /// Connects and carries out the handshake. Errors: see `net::dial`.
  status open(net::dial_request request) {
    socket_.reset();
    request.timeout = std::min(request.timeout, idle_timeout_);
    status outcome = fail(errc::timeout, "no answer in time");
    run([&](auto done) {
      net::dial(io_, std::move(request), [this, done, &outcome](auto reached) {
        outcome = reached ? status{} : tl::unexpected{reached.error().problem};
        if (reached)
          socket_.emplace(std::move(reached->socket));
        done({}, 0);
      });
    });
    return outcome;
  }
  bool send(const std::string& bytes) {
    return run([&](auto done) { asio::async_write(*socket_, asio::buffer(bytes), done); });
  }
  /// @returns 0 when the connection broke.
  std::size_t receive(std::string& into) {
    auto ok = run([&](auto done) { socket_->async_read_some(asio::buffer(into), done); });
    return ok ? moved_ : 0;
  }

 private:
  template <class Start>
  bool run(Start start) {
    std::optional<bool> ok;
    start([&](boost::system::error_code failed, std::size_t bytes) {
      ok = !failed;
      moved_ = bytes;
    });
    io_->restart();
    auto give_up = clock::now() + idle_timeout_;
    while (!ok && !stop_ && clock::now() < give_up)
      io_->run_for(look_interval);
    if (ok)
      return *ok;
    socket_.reset();
    io_ = std::make_shared<asio::io_context>(); // the pending operation ends with its context
    return false;
  }

  const std::atomic<bool>& stop_;
  std::chrono::milliseconds idle_timeout_;
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>();
  std::optional<tcp::socket> socket_;
  std::size_t moved_ = 0;
};

/// One fetch of all files.
class fetch {
 public:
  fetch(const fetch_plan& plan, const std::atomic<bool>& stop)
      : plan_{plan}, stop_{stop}, line_{stop, plan.idle_timeout} {}

  status run() {
    for (; file_ < plan_.files.size(); ++file_) {
      if (auto got = fetch_file(); !got)
        return got;
    }
    return {};
  }

 private:
  const file_spec& wanted() const { return plan_.files[file_]; }

  /// The bytes of the file that an earlier, interrupted fetch stored.
  struct beginning {
    std::uint64_t bytes = 0;
    std::uint32_t crc = 0;
  };

  status fetch_file() {
    auto found = look_at_disk();
    if (stop_)
      return fail(errc::timeout, "the fetch was cancelled");
    auto got = fetch_rest(found);
    if (!got && got.error().code == errc::corrupt && found.bytes > 0)
      return fetch_rest({}); // the stored bytes began another file
    return got;
  }

  beginning look_at_disk() {
    beginning it;
    std::ifstream in{wanted().into, std::ios::binary};
    while (in && !stop_) {
      buffer_.resize(file_piece_bytes);
      in.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
      auto bytes = std::string_view{buffer_}.substr(0, static_cast<std::size_t>(in.gcount()));
      it.crc = crc32c(bytes, it.crc);
      it.bytes += bytes.size();
    }
    return in.eof() && it.bytes <= wanted().bytes ? it : beginning{};
  }

  status fetch_rest(beginning it) {
    auto how = it.bytes > 0 ? std::ios::app : std::ios::trunc;
    std::ofstream out{wanted().into, std::ios::binary | how};
    asked_ = false;
    if (it.bytes > 0 && it.bytes == wanted().bytes)
      ask_for(it.bytes); // asks for nothing, so that the server notes progress
    while (out && it.bytes < wanted().bytes) {
      auto piece = next_piece(it.bytes);
      if (!piece)
        return tl::unexpected{piece.error()};
      auto bytes = std::string_view{buffer_}.substr(0, *piece);
      it.crc = crc32c(bytes, it.crc);
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      it.bytes += bytes.size();
      pace(bytes.size());
    }
    out.close();
    if (!out)
      return fail(errc::io, fmt::format("can't write {}", wanted().into.string()));
    if (it.crc != wanted().crc)
      return fail(errc::corrupt,
                  fmt::format("{} came with another checksum than it was offered with",
                              wanted().into.filename().string()));
    return sync_to_disk(wanted().into);
  }

  void ask_for(std::uint64_t offset) {
    if (!open_) {
      connected_ = line_.open({plan_.from, on_snapshot_plane(plan_.self), plan_.secret});
      open_ = connected_.has_value();
    }
    if (open_)
      open_ =
          line_.send(encode(file_request{plan_.token, static_cast<std::uint32_t>(file_), offset}));
  }

  /// Receives the next bytes of the file, over a new connection if the old one broke.
  result<std::size_t> next_piece(std::uint64_t offset) {
    auto give_up = clock::now() + plan_.idle_timeout;
    while (!stop_ && clock::now() < give_up) {
      if (!open_ || !asked_) {
        ask_for(offset);
        asked_ = open_;
        if (!connected_ && connected_.error().code == errc::refused)
          return tl::unexpected{described(connected_.error())};
      }
      if (open_) {
        buffer_.resize(std::min<std::uint64_t>(file_piece_bytes, wanted().bytes - offset));
        if (auto got = line_.receive(buffer_); got > 0)
          return got;
        open_ = false;
      }
      std::this_thread::sleep_for(plan_.retry);
    }
    if (stop_)
      return fail(errc::timeout, "the fetch was cancelled");
    return fail(errc::timeout, connected_ ? "no data arrived for too long"
                                          : "no data arrived for too long: " +
                                                described(connected_.error()).message);
  }

  /// Why there is no connection.
  error described(const error& problem) const {
    return {problem.code, fmt::format("{}: {}", to_string(plan_.from), problem.message)};
  }

  /// Sleeps until the bytes so far fit the permitted rate.
  void pace(std::size_t bytes) {
    auto now = clock::now();
    due_ =
        std::max(due_, now) + std::chrono::microseconds{bytes * 1'000'000 / plan_.bytes_per_second};
    while (!stop_ && clock::now() < due_)
      std::this_thread::sleep_for(std::min<clock::duration>(due_ - clock::now(), look_interval));
  }

  const fetch_plan& plan_;
  const std::atomic<bool>& stop_;
  connection line_;
  status connected_; ///< the outcome of the last attempt to connect
  bool open_ = false;
  bool asked_ = false; ///< a request for the rest of this file was sent
  std::size_t file_ = 0;
  std::string buffer_;
  clock::time_point due_{};
};

} // namespace

status fetch_files(const fetch_plan& plan, const std::atomic<bool>& stop) {
  return fetch{plan, stop}.run();
}

} // namespace atl::runtime
