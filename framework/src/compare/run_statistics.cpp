#include "run_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace atl::compare {

namespace {

/// Standard error of the mean of values that depend on their neighbours: the means of long batches
/// hardly depend on each other.
double mean_error(const std::vector<float>& values, double mean) {
  constexpr std::size_t batches = 20;
  auto size = values.size() / batches;
  if (size == 0)
    return 0;
  double squares = 0;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    auto begin = values.begin() + static_cast<std::ptrdiff_t>(batch * size);
    auto sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(size), 0.0);
    auto distance = sum / static_cast<double>(size) - mean;
    squares += distance * distance;
  }
  return std::sqrt(squares / (batches * (batches - 1)));
}

} // namespace

double percentile(const std::vector<float>& sorted, double rank) {
  auto at = static_cast<std::size_t>(std::ceil(rank * static_cast<double>(sorted.size())));
  return sorted[std::min(std::max<std::size_t>(at, 1), sorted.size()) - 1];
}

latency_summary summarize(std::vector<float>& latencies) {
  latency_summary it;
  if (latencies.empty())
    return it;
  it.mean = std::accumulate(latencies.begin(), latencies.end(), 0.0) /
            static_cast<double>(latencies.size());
  it.mean_error = mean_error(latencies, it.mean);
  std::sort(latencies.begin(), latencies.end());
  it.p50 = percentile(latencies, 0.5);
  it.p90 = percentile(latencies, 0.9);
  it.p99 = percentile(latencies, 0.99);
  it.p999 = percentile(latencies, 0.999);
  it.max = latencies.back();
  return it;
}

run_statistics::run_statistics(const workload& workload)
    : workload_{workload}, warm_{static_cast<std::uint64_t>(
                               workload.warmup * static_cast<double>(workload.requests))},
      busy_(workload.members.size()), latency_sums_(workload.members.size()),
      answered_(workload.members.size()), nodes_(workload.members.size()) {
  result_.latencies.reserve(workload.requests - warm_);
}

void run_statistics::on_answered(std::uint32_t member, double latency) {
  ++result_.answered;
  ++answered_[member];
  latency_sums_[member] += latency;
  result_.latencies.push_back(static_cast<float>(latency));
}

void run_statistics::begin_window(double at, const std::vector<double>& busy) {
  from_ = at;
  for (std::size_t i = 0; i < busy.size(); ++i)
    busy_[i] = -busy[i];
}

void run_statistics::end_window(double at, const std::vector<double>& busy) {
  to_ = at;
  for (std::size_t i = 0; i < busy.size(); ++i)
    busy_[i] += busy[i];
}

double run_statistics::present(const member_model& member) const {
  auto until = member.leaves == 0 ? to_ : std::min(to_, member.leaves);
  return std::max(0.0, until - std::max(from_, member.joins));
}

strategy_result run_statistics::finish() {
  std::uint64_t sent = 0;
  for (auto& node : nodes_)
    sent += node.requests;
  double mean_sum = 0;
  std::size_t answering = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto& node = nodes_[i];
    auto& member = workload_.members[i];
    node.id = i + 1;
    if (sent != 0)
      node.share = static_cast<double>(node.requests) / static_cast<double>(sent);
    if (auto time = present(member) * member.servers; time > 0)
      node.utilisation = std::min(1.0, busy_[i] / time);
    if (answered_[i] == 0)
      continue;
    node.mean_latency = latency_sums_[i] / static_cast<double>(answered_[i]);
    mean_sum += node.mean_latency;
    ++answering;
  }
  if (answering != 0)
    result_.mean_of_nodes = mean_sum / static_cast<double>(answering);
  result_.nodes = std::move(nodes_);
  result_.latency = summarize(result_.latencies);
  return std::move(result_);
}

} // namespace atl::compare
