#include "request_source.hpp"

namespace atl::compare {

request_source::request_source(const workload& workload, std::uint64_t seed)
    : workload_{workload},
      draw_work_{workload.service}, draw_key_{workload.keys}, arrivals_{seed}, contents_{seed + 1} {
  if (workload.arrivals.process == arrival_process::bursts)
    burst_left_ = draw_exponential(arrivals_, workload.arrivals.on);
}

std::optional<new_request> request_source::next() {
  if (number_ == workload_.requests)
    return std::nullopt;
  now_ = next_arrival();
  new_request it{.number = number_++, .at = now_};
  it.key = key_of_rank(draw_key_(contents_));
  it.work = draw_work_(contents_);
  it.host = static_cast<std::uint32_t>(contents_.below(workload_.hosts));
  return it;
}

double request_source::next_arrival() {
  auto& model = workload_.arrivals;
  switch (model.process) {
  case arrival_process::recorded:
    return model.times[number_];
  case arrival_process::poisson:
    return now_ + draw_exponential(arrivals_, 1 / model.rate);
  case arrival_process::bursts:
    break;
  }
  auto rate = model.rate * (model.on + model.off) / model.on;
  auto pause = draw_exponential(arrivals_, 1 / rate);
  auto at = now_;
  while (pause > burst_left_) {
    pause -= burst_left_;
    at += burst_left_ + draw_exponential(arrivals_, model.off);
    burst_left_ = draw_exponential(arrivals_, model.on);
  }
  burst_left_ -= pause;
  return at + pause;
}

} // namespace atl::compare
