#include <atoll/runtime/failure.hpp>

#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace atl::runtime {

namespace {

/// CAF's text beside `cannot_connect_to_node` for a host name without an address.
constexpr const char* unknown_host = "no such host";

bool is_unknown_host(const caf::error& problem) {
  auto& context = problem.context();
  return problem == caf::sec::cannot_connect_to_node && context.size() > 0 &&
         context.match_element<std::string>(0) && context.get_as<std::string>(0) == unknown_host;
}

} // namespace

bool is_connection_refused(const caf::error& problem) {
  return problem == caf::sec::cannot_connect_to_node;
}

std::string describe_failure(const caf::error& problem) {
  if (is_unknown_host(problem))
    return "there is no such host";
  if (is_connection_refused(problem))
    return "connection refused";
  if (problem == caf::sec::request_timeout || problem == caf::sec::connection_timeout)
    return "no answer in time";
  if (problem == caf::sec::incompatible_versions ||
      problem == caf::sec::incompatible_application_ids)
    return "what listens there is another version, or no node";
  if (problem == caf::sec::malformed_basp_message ||
      problem == caf::sec::disconnect_during_handshake)
    return "what listens there is no node, or closed the connection at once";
  if (problem == caf::sec::broken_promise || problem == caf::sec::request_receiver_down)
    return "it ended before it answered";
  if (problem == caf::sec::cannot_open_port)
    return "the address can't be listened on";
  return "the connection was closed";
}

} // namespace atl::runtime
