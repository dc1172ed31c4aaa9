#include "bulk/pulse.hpp"

#include "bulk/bulk_limits.hpp"
#include "bulk/bulk_protocol.hpp"

#include <boost/asio/steady_timer.hpp>
#include <sys/socket.h>

#include <algorithm>

namespace dfs {

struct pulse::ticker : std::enable_shared_from_this<ticker> {
  using clock = std::chrono::steady_clock;

  ticker(boost::asio::io_context& context, atl::net::tcp_stream& to, std::chrono::milliseconds each)
      : timer{context}, over{&to}, interval{std::max(each, std::chrono::milliseconds{1})} {}

  void arm() {
    timer.expires_after(interval);
    timer.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
      if (!cancelled && self->over)
        self->on_tick();
    });
  }

  void on_tick() {
    static const auto frame = wire::encode_frame(wire::op::working, {});
    // The call doesn't block: the send buffer has room, because nothing else is sent meanwhile.
    (void)::send(over->native_handle(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (clock::now() < until)
      arm();
  }

  boost::asio::steady_timer timer;
  atl::net::tcp_stream* over; ///< null: the pulse has ended
  std::chrono::milliseconds interval;
  clock::time_point until = clock::now() + working_time_max;
};

pulse::pulse(boost::asio::io_context& context, atl::net::tcp_stream& over,
             std::chrono::milliseconds interval)
    : ticker_{std::make_shared<ticker>(context, over, interval)} {
  ticker_->arm();
}

pulse::~pulse() {
  ticker_->over = nullptr;
  ticker_->timer.cancel();
}

} // namespace dfs
