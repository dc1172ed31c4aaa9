#include <atoll/runtime/failure.hpp>

#include <caf/sec.hpp>

namespace atl::runtime {

std::string describe_failure(const caf::error& problem) {
  if (problem == caf::sec::request_timeout)
    return "no answer in time";
  if (problem == caf::sec::broken_promise || problem == caf::sec::request_receiver_down)
    return "it ended before it answered";
  return "the connection was closed";
}

} // namespace atl::runtime
