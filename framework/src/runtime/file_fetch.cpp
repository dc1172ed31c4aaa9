#include "file_request.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/core/sync.hpp>
#include <atoll/net/pending_dial.hpp>
#include <atoll/net/run_here.hpp>
#include <atoll/net/tcp_stream.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <thread>

namespace atl::runtime {

namespace {

using clock = std::chrono::steady_clock;

/// How long a step waits before it checks `stop` again.
constexpr auto look_interval = std::chrono::milliseconds{100};

/// A connection whose steps also end when the fetch is stopped or idle for too long.
class connection {
 public:
  connection(const std::atomic<bool>& stop, std::chrono::milliseconds idle_timeout)
      : stop_{stop}, wait_{idle_timeout} {}

  /// Connects and carries out the handshake. Errors: see `net::dial`.
  status open(net::dial_request request) {
    stream_.close();
    request.timeout = std::min(request.timeout, wait_.progress);
    return run(connect(std::move(request)));
  }
  bool send(const std::string& bytes) { return run(stream_.write(bytes, wait_)).has_value(); }
  /// @returns 0 when the connection broke.
  std::size_t receive(std::string& into) {
    net::tcp_stream::mutable_buffer piece{into.data(), into.size()};
    return run(stream_.read_some({&piece, 1}, wait_)).value_or(0);
  }

 private:
  boost::asio::awaitable<status> connect(net::dial_request request) {
    auto reached = co_await dial_.run(context_, std::move(request));
    if (!reached)
      co_return tl::unexpected{reached.error()};
    stream_ = net::tcp_stream{std::move(reached->socket)};
    co_return status{};
  }

  template <class T>
  T run(boost::asio::awaitable<T> step) {
    return net::run_here(*context_, std::move(step), look_interval, [this] {
      if (!stop_)
        return;
      dial_.cancel();
      stream_.close();
    });
  }

  const std::atomic<bool>& stop_;
  const net::io_timeout wait_;
  std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>(1);
  net::pending_dial dial_;
  net::tcp_stream stream_;
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
          return tl::unexpected{connected_.error()};
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
    return fail(errc::timeout, connected_
                                   ? "no data arrived for too long"
                                   : "no data arrived for too long: " + connected_.error().message);
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
