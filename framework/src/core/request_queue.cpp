#include <atoll/core/request_queue.hpp>

namespace atl {

void request_queue::push(const entry& added) {
  by_arrival_.insert(added.request);
  if (options_.overflow == overflow_policy::drop_earliest_deadline)
    by_deadline_.emplace(added.deadline, added.request);
  bytes_ += added.bytes;
}

void request_queue::erase(const entry& removed) {
  if (by_arrival_.erase(removed.request) == 0)
    return;
  by_deadline_.erase({removed.deadline, removed.request});
  bytes_ -= removed.bytes;
}

std::uint64_t request_queue::victim(std::uint64_t newest) const {
  switch (options_.overflow) {
  case overflow_policy::reject:
    break;
  case overflow_policy::drop_oldest:
    return front();
  case overflow_policy::drop_earliest_deadline:
    return by_deadline_.begin()->second;
  }
  return newest;
}

} // namespace atl
