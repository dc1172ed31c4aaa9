#include "diagram_picture.hpp"

#include <algorithm>

namespace atl::sim {

namespace {

bool is_link_fault(std::string_view fault) {
  return fault.starts_with("loss:") || fault.starts_with("duplication:") ||
         fault.starts_with("replays:");
}

} // namespace

diagram::diagram(diagram_window window) : window_{window} {
  window_.events = std::clamp<std::size_t>(window_.events, 1, diagram_events_max);
}

void diagram::lane::follow(const run_event& event) {
  switch (event.what) {
  case run_event_kind::started:
    seen = up = true;
    role = spi::replica_role::follower;
    paused_until = 0;
    break;
  case run_event_kind::stopped:
    up = false;
    paused_until = 0;
    break;
  case run_event_kind::role:
    role = event.role;
    term = event.number;
    break;
  case run_event_kind::paused:
    paused_until = event.until;
    break;
  default:
    break;
  }
}

void diagram::note(const run_event& event) {
  if (event.at > window_.until && event.what != run_event_kind::violated)
    return;
  if (event.what == run_event_kind::fault && is_link_fault(event.text)) {
    labels_ += (labels_.empty() ? "" : " ") + event.text;
    return;
  }
  if (window_.from > 0 && events_.size() >= window_.events) {
    ++left_out_;
    return;
  }
  events_.push_back(event);
  if (event.what == run_event_kind::sent || event.what == run_event_kind::lost)
    events_.back().text = std::exchange(labels_, {});
  if (event.at < window_.from || events_.size() > window_.events)
    forget_first();
}

void diagram::forget_first() {
  auto& event = events_.front();
  left_out_ += event.at >= window_.from;
  if (event.replica != 0) {
    before_.resize(std::max<std::size_t>(before_.size(), event.replica));
    before_[event.replica - 1].follow(event);
  }
  events_.pop_front();
}

std::string diagram::svg(const std::vector<std::string>& heading) const {
  return diagram_picture{before_, events_, window_, left_out_}.draw(heading);
}

} // namespace atl::sim
