#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"

#include <fmt/format.h>

namespace dfs::cli {

using atl::errc;
using atl::fail;

atl::result<atl::endpoint> find_storage(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto status = gather_status(**masters);
  if (!status)
    return tl::unexpected{status.error()};
  for (auto& storage : status->view["storages"])
    if (storage["name"] == name)
      return atl::parse_endpoint(storage["endpoint"].get<std::string>());
  return fail(errc::not_found,
              fmt::format("the cluster has no node '{}'; write its HOST:PORT if it is new", name));
}

} // namespace dfs::cli
