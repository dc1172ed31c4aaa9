#include "client/connection_pool.hpp"

#include <utility>

namespace dfs {

connection_pool::connection_pool(bulk_options options, std::size_t idle_max)
    : options_{std::move(options)}, idle_max_{idle_max} {}

std::unique_ptr<async_bulk_connection>
connection_pool::take(const std::shared_ptr<boost::asio::io_context>& context,
                      const atl::endpoint& node, const bulk_timeouts& timeouts) {
  std::unique_ptr<async_bulk_connection> taken;
  {
    std::lock_guard lock{mutex_};
    auto& idle = idle_[to_string(node)];
    if (!idle.empty()) {
      taken = std::move(idle.back());
      idle.pop_back();
    }
  }
  if (taken)
    taken->move_to(context);
  else
    taken = std::make_unique<async_bulk_connection>(context, node, options_);
  taken->set_timeouts(timeouts);
  return taken;
}

/// A connection that broke is closed, and takes no place.
void connection_pool::give_back(std::unique_ptr<async_bulk_connection> connection) {
  if (!connection->is_connected())
    return;
  std::lock_guard lock{mutex_};
  auto& idle = idle_[to_string(connection->node())];
  if (idle.size() < idle_max_)
    idle.push_back(std::move(connection));
}

} // namespace dfs
