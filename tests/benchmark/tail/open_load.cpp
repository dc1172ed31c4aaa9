#include "open_load.hpp"

#include "http_pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <list>
#include <random>
#include <utility>

namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

class open_load {
 public:
  open_load(std::uint16_t port, const load_plan& plan)
      : plan_{plan}, random_{plan.seed}, gap_s_{plan.per_second}, pool_{io_, port} {}

  load_outcome run(const std::vector<timed_action>& actions) {
    first_counted_ = clock_type::now() + plan_.warm_up;
    last_ = first_counted_ + plan_.measured;
    next_ = clock_type::now();
    for (auto& action : actions)
      timers_.emplace_back(io_, first_counted_ + action.at).async_wait([&action](auto) {
        action.run();
      });
    timers_.emplace_back(io_, last_ + plan_.drain).async_wait([this](auto) { io_.stop(); });
    schedule();
    io_.run();
    give_up();
    std::ranges::sort(outcome_.latencies_ms);
    return std::move(outcome_);
  }

 private:
  void schedule() {
    next_ += std::chrono::duration_cast<clock_type::duration>(
        std::chrono::duration<double>{gap_s_(random_)});
    if (next_ >= last_) {
      all_sent_ = true;
      return stop_if_done();
    }
    arrival_.expires_at(next_);
    arrival_.async_wait([this](auto) {
      send(next_);
      schedule();
    });
  }

  void send(clock_type::time_point due) {
    auto request = open_.insert(open_.end(), due);
    pool_.get([this, request](bool is_ok) {
      count(*request, is_ok);
      open_.erase(request);
      stop_if_done();
    });
  }

  void count(clock_type::time_point due, bool is_ok) {
    if (due < first_counted_)
      return;
    outcome_.latencies_ms.push_back(milliseconds{clock_type::now() - due}.count());
    outcome_.errors += !is_ok;
  }

  void stop_if_done() {
    if (all_sent_ && open_.empty())
      io_.stop();
  }

  void give_up() {
    for (auto due : open_)
      count(due, false);
  }

  load_plan plan_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_s_;
  asio::io_context io_{1};
  http_pool pool_;
  asio::steady_timer arrival_{io_};
  std::list<asio::steady_timer> timers_;
  clock_type::time_point first_counted_, last_, next_;
  std::list<clock_type::time_point> open_;
  bool all_sent_ = false;
  load_outcome outcome_;
};

} // namespace

double load_outcome::percentile(double part) const {
  if (latencies_ms.empty())
    return 0;
  auto rank = static_cast<std::size_t>(part * static_cast<double>(latencies_ms.size()));
  return latencies_ms[std::min(rank, latencies_ms.size() - 1)];
}

load_outcome run_open_load(std::uint16_t port, const load_plan& plan,
                           const std::vector<timed_action>& actions) {
  return open_load{port, plan}.run(actions);
}
