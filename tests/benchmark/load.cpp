#include "load.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace {

using clock_type = std::chrono::steady_clock;

/// What all clients of a load share; each operation under way holds on to it.
struct shared : std::enable_shared_from_this<shared> {
  explicit shared(operation how) : start{std::move(how)} {}

  operation start;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  std::function<void(clock_type::time_point began, clock_type::time_point ended, bool ok)> note;

  void begin(int client) {
    auto began = clock_type::now();
    start(client, [self = shared_from_this(), client, began](bool ok) {
      auto ended = clock_type::now();
      {
        std::lock_guard lock{self->mutex};
        self->note(began, ended, ok);
        if (self->stopping) {
          --self->running;
          self->changed.notify_all();
          return;
        }
      }
      self->begin(client);
    });
  }
  void begin_all(int clients) {
    running = clients;
    for (int i = 0; i < clients; ++i)
      begin(i);
  }
  void stop() {
    std::unique_lock lock{mutex};
    stopping = true;
    changed.wait(lock, [this] { return running == 0; });
  }
};

} // namespace

load_result run_load(int clients, std::chrono::milliseconds time, const operation& start,
                     const std::function<double()>& processor_seconds) {
  auto load = std::make_shared<shared>(start);
  auto from = clock_type::now() + time / 10;
  auto to = from + time;
  std::vector<double> latencies;
  load_result out;
  std::size_t all = 0;
  auto spent = processor_seconds();
  load->note = [&](auto began, auto ended, bool ok) {
    ++all;
    if (ended < from || ended > to)
      return;
    if (ok)
      latencies.push_back(std::chrono::duration<double, std::micro>(ended - began).count());
    else
      ++out.failed;
  };
  load->begin_all(clients);
  {
    std::unique_lock lock{load->mutex};
    load->changed.wait_until(lock, to, [] { return false; });
  }
  load->stop();
  out.processor_us = (processor_seconds() - spent) * 1e6 / static_cast<double>(all);
  std::sort(latencies.begin(), latencies.end());
  if (latencies.empty())
    throw std::runtime_error(std::to_string(out.failed) + " operations failed, and none succeeded");
  out.per_second =
      static_cast<double>(latencies.size()) / std::chrono::duration<double>(time).count();
  out.median_us = latencies[latencies.size() / 2];
  out.p99_us = latencies[latencies.size() * 99 / 100];
  return out;
}

struct steady_load::state {
  std::shared_ptr<shared> load;
  std::vector<clock::time_point> answers; ///< good ones
};

steady_load::steady_load(int clients, operation start) : state_{std::make_shared<state>()} {
  state_->load = std::make_shared<shared>(std::move(start));
  state_->load->note = [state = state_.get()](auto, auto ended, bool ok) {
    if (ok) {
      state->answers.push_back(ended);
      state->load->changed.notify_all();
    }
  };
  state_->load->begin_all(clients);
}

steady_load::~steady_load() {
  state_->load->stop();
}

std::chrono::microseconds steady_load::longest_gap(clock::time_point from, clock::time_point to) {
  std::unique_lock lock{state_->load->mutex};
  auto& answers = state_->answers;
  state_->load->changed.wait(lock, [&] { return !answers.empty() && answers.back() > to; });
  auto last = from;
  clock::duration longest{0};
  for (auto at : answers) {
    if (at <= from)
      continue;
    longest = std::max(longest, at - last);
    last = at;
  }
  return std::chrono::duration_cast<std::chrono::microseconds>(longest);
}
