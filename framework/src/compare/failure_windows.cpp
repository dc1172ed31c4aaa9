#include "failure_windows.hpp"

#include <algorithm>

namespace atl::compare {

namespace {

constexpr double detection_factor = 1.5;
constexpr double rebuild_factor = 3;
constexpr double least_seconds = 60; ///< for what takes a keeper seconds, whatever the rates

/// When all is surely whole again.
class wholeness {
 public:
  wholeness(const durability_model& model, const recovery_time& recovery)
      : model_{model}, recovery_{recovery} {}

  void add(const failure& what) {
    auto waits = detection_factor * recovery_.detection;
    backlog_ = std::max(0.0, backlog_ - std::max(0.0, what.at - last_ - waits));
    backlog_ += static_cast<double>(failed_nodes(model_, what).size()) * rebuild_factor *
                recovery_.node_rebuild;
    last_ = what.at;
    if (what.is_zone)
      back_at_ = std::max(back_at_, what.at + model_.zone_outage);
    at_ = std::max(last_ + waits, back_at_) + least_seconds + backlog_;
  }
  double at() const { return at_; }

 private:
  const durability_model& model_;
  const recovery_time& recovery_;
  double last_ = 0;
  double backlog_ = 0; ///< seconds of rebuilding
  double back_at_ = 0; ///< when the last zone returns
  double at_ = 0;
};

} // namespace

failure_windows::failure_windows(const durability_model& model, failure_history history,
                                 const recovery_time& recovery)
    : model_{model}, history_{std::move(history)}, recovery_{recovery} {}

std::optional<failure> failure_windows::take() {
  if (ahead_.empty())
    return history_.next();
  auto next = ahead_.front();
  ahead_.pop_front();
  return next;
}

std::vector<failure> failure_windows::next() {
  std::vector<failure> window;
  wholeness whole{model_, recovery_};
  while (auto following = take()) {
    if (!window.empty() && (following->at > whole.at() || window.size() == failures_max)) {
      ahead_.push_front(*following);
      break;
    }
    window.push_back(*following);
    whole.add(*following);
  }
  return window;
}

void failure_windows::put_back(std::span<const failure> rest) {
  ahead_.insert(ahead_.begin(), rest.begin(), rest.end());
}

} // namespace atl::compare
