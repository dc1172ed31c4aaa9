#include "transfer_schedule.hpp"

namespace atl::node {

transfer_schedule::step transfer_schedule::next(time_point now) {
  if (now >= deadline_)
    return step::give_up;
  if (now < next_request_)
    return step::wait;
  next_request_ = now + request_interval;
  return step::request;
}

} // namespace atl::node
