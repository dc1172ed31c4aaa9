#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <thread>

// How storage nodes leave a cluster.
namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using nlohmann::json;

constexpr auto poll_interval = std::chrono::milliseconds{300};

/// A storage node as the name space has it.
atl::result<responses::storage_node> find_registered(control& masters, const std::string& name) {
  std::string names;
  auto after = no_storage;
  for (;;) {
    auto page = masters.query(queries::summary{after});
    if (!page)
      return tl::unexpected{page.error()};
    for (const auto& node : page->storages) {
      if (node.name == name)
        return node;
      names += (names.empty() ? "" : ", ") + node.name;
    }
    if (!page->more || page->storages.empty())
      return fail(errc::not_found,
                  fmt::format("there is no storage node '{}'; there are: {}", name, names));
    after = page->storages.back().id;
  }
}

/// What the leading master says of a storage node.
atl::result<json> find_node(control& masters, const std::string& name) {
  auto status = gather_status(masters);
  if (!status)
    return tl::unexpected{status.error()};
  for (auto& node : status->view["storages"])
    if (node["name"] == name)
      return node;
  return fail(errc::unavailable, fmt::format("no master knows of the storage node {}", name));
}

atl::status set_state(control& masters, storage_id node, storage_state to) {
  auto changed = masters.run(commands::set_storage{node, to});
  return changed ? atl::status{} : tl::unexpected{changed.error()};
}

std::string state_of(const json& node) {
  return node.value("state", std::string{"unknown"});
}

/// Waits until nothing is left on the node. Whether it is drained still is asked of the name space,
/// because what the leading master says of its nodes may be older than the order to drain.
atl::result<json> wait_until_empty(context& with, control& masters, const std::string& name) {
  auto last = std::uint64_t{0};
  for (auto is_first = true;; is_first = false) {
    auto node = find_node(masters, name);
    if (node && state_of(*node) == "draining" && node->value("empty", false))
      return node;
    if (node && state_of(*node) == "active")
      if (auto registered = find_registered(masters, name);
          registered && registered->state == storage_state::active)
        return fail(errc::refused, fmt::format("the draining of {} was cancelled meanwhile", name));
    if (node && node->contains("chunks")) {
      auto left = (*node)["chunks"].get<std::uint64_t>();
      if (!with.quiet && !with.json && (is_first || left != last))
        fmt::print(stderr, "{} fragments are on {} still, {} are on their way to others\n", left,
                   name, node->value("tasks_out", 0));
      last = left;
    }
    std::this_thread::sleep_for(poll_interval);
  }
}

} // namespace

int drain_storage(context& with, const drain_arguments& what) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto node = find_registered(**masters, what.name);
  if (!node)
    return report_error(node.error());
  auto to = what.cancel ? storage_state::active : storage_state::draining;
  if (what.cancel && node->state != storage_state::draining)
    return report_error({errc::refused, fmt::format("{} isn't being drained", what.name)});
  if (auto changed = set_state(**masters, node->id, to); !changed)
    return report_error(changed.error());
  if (what.cancel) {
    fmt::print("{} takes data again\n", what.name);
    return done;
  }
  if (!what.wait) {
    fmt::print("what is on {} is being moved to other nodes; 'dfs status' shows how far it is\n",
               what.name);
    return done;
  }
  if (auto empty = wait_until_empty(with, **masters, what.name); !empty)
    return report_error(empty.error());
  fmt::print("nothing refers to data on {} any more: it may be switched off; "
             "'dfs admin storage forget {}' takes it off the list\n",
             what.name, what.name);
  return done;
}

int forget_storage(context& with, const std::string& name, bool although_not_empty) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto node = find_registered(**masters, name);
  if (!node)
    return report_error(node.error());
  if (!although_not_empty) {
    auto seen = find_node(**masters, name);
    if (!seen || !seen->value("empty", false))
      return report_error(
          {errc::refused,
           fmt::format("files may have data on {}: drain it first ('dfs admin storage drain {}'), "
                       "or, if it is lost for good, say --lost: then its data is made anew from "
                       "what other nodes have",
                       name, name)});
  }
  if (auto changed = set_state(**masters, node->id, storage_state::forgotten); !changed)
    return report_error(changed.error());
  fmt::print("{} is forgotten; a node of this name joins as a new one\n", name);
  return done;
}

} // namespace dfs::cli
