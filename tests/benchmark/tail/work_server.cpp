#include "work_server.hpp"

#include "http_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <queue>
#include <random>
#include <utility>

namespace {

namespace asio = boost::asio;

class work_places {
 public:
  work_places(asio::io_context& io, const work_settings& settings)
      : io_{io}, settings_{settings}, random_{settings.seed}, time_ms_{1 / settings.mean_ms} {}

  void enter(http_server::respond answer) {
    if (taken_ == settings_.places)
      return waiting_.push(std::move(answer));
    ++taken_;
    work(std::move(answer));
  }

 private:
  void work(http_server::respond answer) {
    auto takes_ms = settings_.is_constant ? settings_.mean_ms : time_ms_(random_);
    auto timer = std::make_shared<asio::steady_timer>(
        io_, std::chrono::microseconds{static_cast<std::int64_t>(takes_ms * 1000)});
    timer->async_wait([this, timer, answer = std::move(answer)](auto) {
      answer(true);
      leave();
    });
  }

  void leave() {
    if (waiting_.empty()) {
      --taken_;
      return;
    }
    auto next = std::move(waiting_.front());
    waiting_.pop();
    work(std::move(next));
  }

  asio::io_context& io_;
  work_settings settings_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> time_ms_;
  std::size_t taken_ = 0;
  std::queue<http_server::respond> waiting_;
};

} // namespace

void run_work_server(const work_settings& settings) {
  asio::io_context io{1};
  work_places places{io, settings};
  http_server server{io, settings.port, [&](std::string_view path, http_server::respond answer) {
                       if (path == "/health")
                         answer(true);
                       else
                         places.enter(std::move(answer));
                     }};
  io.run();
}
