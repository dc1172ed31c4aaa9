#pragma once

#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/steady_timer.hpp>

#include <array>

namespace atl::net {

/// An open stream. The operations under way share it, so that they may end after their stream.
struct tcp_stream::state : std::enable_shared_from_this<state> {
  using clock = io_timeout::clock;
  enum direction : std::uint8_t { reading, writing };

  /// Keeps the descriptor open while another thread uses it.
  class loan {
   public:
    explicit loan(state& of);
    ~loan();
    loan(const loan&) = delete;
    loan& operator=(const loan&) = delete;

   private:
    std::shared_ptr<state> of_;
  };

  state(boost::asio::ip::tcp::socket connected, std::string peer_name);

  /// Sets what every stream needs.
  void prepare();
  void close();
  int release();

  /// Waits until the socket is ready, or should be tried, at most until `deadline`. @returns false
  /// at the deadline.
  boost::asio::awaitable<bool> wait_for(direction which, clock::time_point deadline);

  error failed(int error_number) const;
  error ended() const;
  error stalled() const;
  error interrupted() const;

  boost::asio::ip::tcp::socket socket;
  std::string peer;
  bool is_closed = false;
  bool has_peer_ended = false; ///< seen while a write waited

 private:
  struct waiting {
    clock::time_point deadline = clock::time_point::max(); ///< `max`: nothing waits
    bool has_expired = false;
  };

  void arm(clock::time_point deadline);
  void on_timer();
  void watch_for_end();
  void close_descriptor();

  /// Set for the earliest deadline when something begins to wait, and left alone when the wait
  /// ends, so that a busy stream sets it once in a while only.
  boost::asio::steady_timer timer_;
  clock::time_point armed_for_ = clock::time_point::max();
  std::array<waiting, 2> waits_;
  int loans_ = 0;
  bool is_watched_for_end_ = false;
};

} // namespace atl::net
