#include "node/order_results.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

void order_results::add(protocol::task_result result) {
  results_.push_back(std::move(result));
  if (results_.size() <= kept_max)
    return;
  results_.pop_front();
  results_told_ -= std::min<std::size_t>(results_told_, 1);
}

void order_results::set_slice(protocol::fragment_slice slice) {
  slice_ = std::move(slice);
  slice_told_ = false;
}

void order_results::tell(protocol::storage_heartbeat& report) {
  results_told_ = std::min(results_.size(), protocol::tasks_max);
  auto end = results_.begin() + static_cast<std::ptrdiff_t>(results_told_);
  report.done.assign(results_.begin(), end);
  report.slice = slice_;
  slice_told_ = slice_.has_value();
}

void order_results::on_answered() {
  auto end = results_.begin() + static_cast<std::ptrdiff_t>(std::exchange(results_told_, 0));
  results_.erase(results_.begin(), end);
  if (std::exchange(slice_told_, false))
    slice_.reset();
}

} // namespace dfs
