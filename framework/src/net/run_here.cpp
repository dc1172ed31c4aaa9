#include <atoll/net/run_here.hpp>

namespace atl::net {

std::shared_ptr<boost::asio::io_context> context_of_this_thread() {
  thread_local auto context = std::make_shared<boost::asio::io_context>(1);
  return context;
}

} // namespace atl::net
