#include "cli/cluster_status.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/scrub_files.hpp"
#include "common/scrub_protocol.hpp"

#include <atoll/core/printable_text.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <thread>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using nlohmann::json;
using protocol::scrub_phase;
using protocol::scrub_state;

constexpr auto poll_interval = std::chrono::milliseconds{200};
constexpr std::size_t scheduler_threads = 1;

std::uint64_t random_run() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source() | 1;
}

/// A storage node, and how far it has read what it stores.
struct scrubbed_node {
  std::string name;
  atl::endpoint where;
  atl::result<scrub_state> state{};

  bool is_reading() const { return state && state->phase == scrub_phase::reading; }
};

enum class verdict { sound, damaged, unknown };

verdict judge(const scrubbed_node& node) {
  if (!node.state || node.state->phase != scrub_phase::done)
    return verdict::unknown;
  return node.state->status.damaged == 0 ? verdict::sound : verdict::damaged;
}

verdict judge(const std::vector<scrubbed_node>& nodes) {
  auto some = [&](verdict what) {
    return std::ranges::any_of(nodes, [&](auto& node) { return judge(node) == what; });
  };
  return some(verdict::damaged)                    ? verdict::damaged
         : some(verdict::unknown) || nodes.empty() ? verdict::unknown
                                                   : verdict::sound;
}

std::string_view name_of(verdict what) {
  return what == verdict::sound ? "sound" : what == verdict::damaged ? "damaged" : "unknown";
}

int exit_code_for(verdict what) {
  return what == verdict::sound ? done : what == verdict::damaged ? failed : unavailable;
}

std::string failure_of(const scrubbed_node& node) {
  return node.state ? "another scrub has begun there, which took the place of this one"
                    : node.state.error().message;
}

/// The storage nodes that the masters know. One that has never reported to the master that answers
/// has no address yet.
atl::result<std::vector<scrubbed_node>> find_nodes(context& with) {
  auto masters = with.masters();
  if (!masters)
    return tl::unexpected{masters.error()};
  auto status = gather_status(**masters);
  if (!status)
    return tl::unexpected{status.error()};
  std::vector<scrubbed_node> nodes;
  for (auto& storage : status->view["storages"]) {
    scrubbed_node node{storage["name"].get<std::string>(), {}};
    auto where = atl::parse_endpoint(storage.value("endpoint", std::string{}));
    if (where) {
      node.where = *where;
      node.state = scrub_state{};
    } else {
      node.state = atl::fail(errc::unavailable, "it is down");
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

/// Asks the nodes until each has read what it stores, or can't be asked.
class node_scrubs {
 public:
  node_scrubs(const cluster_settings& cluster, bool unlimited)
      : actors_{scheduler_threads,
                atl::runtime::membership{cluster.name, "a client", {}, cluster.secret}},
        client_{actors_, describe(cluster)}, request_{protocol::encode(protocol::scrub_request{
                                                 random_run(), unlimited})} {}

  void wait_for(std::vector<scrubbed_node>& nodes, bool shows_progress) {
    for (;;) {
      for (auto& node : nodes)
        if (node.is_reading())
          node.state = ask(node.where);
      if (shows_progress)
        show(nodes);
      if (std::ranges::none_of(nodes, &scrubbed_node::is_reading))
        break;
      std::this_thread::sleep_for(poll_interval);
    }
    if (shows_progress)
      show_progress_lines({});
  }

 private:
  static atl::runtime::node_client::settings describe(const cluster_settings& cluster) {
    atl::runtime::node_client::settings settings;
    settings.self.cluster = cluster.name;
    settings.self.name = "a client";
    return settings;
  }

  atl::result<scrub_state> ask(const atl::endpoint& where) {
    auto kind = static_cast<atl::runtime::message_kind>(protocol::kind::scrub_now);
    return client_.ask(where, std::string{storage_role_name}, kind, request_)
        .and_then(protocol::decode_scrub_state);
  }

  static void show(const std::vector<scrubbed_node>& nodes) {
    std::vector<std::string> lines;
    for (auto& node : nodes)
      if (node.is_reading()) {
        auto& status = node.state->status;
        lines.push_back(fmt::format("{}: {} of {} read, {} fragments damaged",
                                    atl::printable(node.name), human_bytes(status.done_bytes),
                                    human_bytes(std::max(status.total_bytes, status.done_bytes)),
                                    status.damaged));
      }
    show_progress_lines(lines);
  }

  atl::runtime::system actors_;
  atl::runtime::node_client client_;
  const std::string request_;
};

json to_json(const scrubbed_node& node) {
  json out{{"name", node.name}, {"verdict", name_of(judge(node))}};
  if (judge(node) == verdict::unknown) {
    out["failure"] = failure_of(node);
    return out;
  }
  auto& status = node.state->status;
  out["bytes"] = status.done_bytes;
  out["damaged"] = status.damaged;
  out["last_finding"] = status.last_finding;
  return out;
}

void print_node(const scrubbed_node& node) {
  auto name = display_name(node.name);
  if (judge(node) == verdict::unknown)
    return print("{}: could not be scrubbed: {}\n", name, atl::printable_lines(failure_of(node)));
  auto& status = node.state->status;
  if (status.damaged == 0)
    return print("{}: sound: {} read\n", name, human_bytes(status.done_bytes));
  print("{}: damaged: {} fragment{} of {} read; the last one: {}\n", name, status.damaged,
        status.damaged == 1 ? "" : "s", human_bytes(status.done_bytes),
        atl::printable(status.last_finding));
}

int scrub_nodes(context& with, bool unlimited) {
  auto cluster = with.settings();
  if (!cluster)
    return report_error(cluster.error());
  auto nodes = find_nodes(with);
  if (!nodes)
    return report_error(nodes.error());
  node_scrubs{*cluster, unlimited}.wait_for(*nodes, shows_progress(with));
  auto overall = judge(*nodes);
  if (with.json) {
    json out{{"verdict", name_of(overall)}, {"nodes", json::array()}};
    for (auto& node : *nodes)
      out["nodes"].push_back(to_json(node));
    print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
    return exit_code_for(overall);
  }
  for (auto& node : *nodes)
    print_node(node);
  if (nodes->empty())
    print("the cluster has no storage nodes yet\n");
  return exit_code_for(overall);
}

} // namespace

int scrub(context& with, const scrub_arguments& what) {
  return what.paths.empty() ? scrub_nodes(with, what.unlimited) : scrub_files(with, what.paths);
}

} // namespace dfs::cli
