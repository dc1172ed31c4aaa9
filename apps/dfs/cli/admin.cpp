#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr auto poll_interval = std::chrono::milliseconds{100};
/// How long to wait until all masters know of a storage node's new disk.
constexpr auto admission_timeout = std::chrono::seconds{30};

/// A master keeps its list of nodes that were turned away until its next tick.
atl::status wait_until_admitted(control& masters, const std::string& folder) {
  auto give_up = clock::now() + admission_timeout;
  while (clock::now() < give_up) {
    auto refused = false;
    for (auto& answer : masters.call_each(protocol::kind::status)) {
      auto view = answer ? json::parse(*answer, nullptr, false) : json{};
      if (view.is_object() && view.contains("turned_away"))
        for (auto& node : view["turned_away"])
          refused = refused || node["folder"] == folder;
    }
    if (!refused)
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(errc::timeout, "not all masters know of it yet; wait a moment before it is started");
}

} // namespace

int replace_storage(context& with, const std::string& name) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto status = gather_status(**masters);
  if (!status)
    return report_error(status.error());
  std::string folder;
  if (status->view.contains("turned_away"))
    for (auto& node : status->view["turned_away"])
      if (node["name"] == name)
        folder = node["folder"];
  if (folder.empty())
    return report_error(
        {errc::not_found,
         fmt::format("no storage node '{}' with another data folder was turned away: "
                     "start it on its new disk first",
                     name)});
  auto registered = (*masters)->run(commands::register_storage{name, folder, true});
  if (!registered)
    return report_error(registered.error());
  if (auto known = wait_until_admitted(**masters, folder); !known)
    return report_error(known.error());
  fmt::print("{} is storage node {} from now on, with its new disk; what the former disk held is "
             "read from the other copies; start it again\n",
             name, registered->id);
  return done;
}

} // namespace dfs::cli
