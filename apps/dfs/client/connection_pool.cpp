#include "client/connection_pool.hpp"

#include "bulk/connection.hpp"

#include <utility>

namespace dfs {

connection_pool::connection_pool(bulk_options options, std::size_t idle_max)
    : options_{std::move(options)}, idle_max_{idle_max} {}

connection_pool::~connection_pool() = default;

std::unique_ptr<bulk_connection> connection_pool::take(const atl::endpoint& node) {
  std::lock_guard lock{mutex_};
  auto& idle = idle_[to_string(node)];
  if (idle.empty())
    return std::make_unique<bulk_connection>(node, options_);
  auto taken = std::move(idle.back());
  idle.pop_back();
  return taken;
}

/// A connection that broke is closed, and connects again when it is used again.
void connection_pool::give_back(std::unique_ptr<bulk_connection> connection) {
  std::lock_guard lock{mutex_};
  auto& idle = idle_[to_string(connection->node())];
  if (idle.size() < idle_max_)
    idle.push_back(std::move(connection));
}

} // namespace dfs
