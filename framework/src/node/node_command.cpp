#include "metrics_json.hpp"

#include <atoll/core/printable_text.hpp>
#include <atoll/node/node_command.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace atl::node {

namespace {

using nlohmann::json;

constexpr std::size_t scheduler_threads = 1;
constexpr const char* client_name = "a client";

/// What a node says of itself.
struct node_view {
  runtime::node_status status;
  std::vector<runtime::plugin_entry> plugins;
  result<metric_set> metrics; ///< a node of an earlier version has none
};

/// A client of one node.
struct node_connection {
  explicit node_connection(const cluster_config& cluster)
      : actors{scheduler_threads, {cluster.name, client_name, {}, cluster.secret}},
        client{actors, settings_of(cluster)} {}

  static runtime::node_client::settings settings_of(const cluster_config& cluster) {
    runtime::node_client::settings how;
    how.self.cluster = cluster.name;
    how.self.name = client_name;
    how.connect_timeout = how.timeout = cluster.links.failure_timeout;
    return how;
  }

  runtime::system actors;
  runtime::node_client client;
};

result<node_view> ask_node(const cluster_config& cluster, const endpoint& where) {
  node_connection node{cluster};
  auto status = node.client.status(where);
  if (!status)
    return tl::unexpected{status.error()};
  auto plugins = node.client.inventory(where);
  if (!plugins)
    return tl::unexpected{plugins.error()};
  return node_view{std::move(*status), std::move(*plugins), node.client.metrics(where)};
}

/// Names and messages come from another machine: bytes that aren't UTF-8 are replaced.
std::string dump(const json& it) {
  return it.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::string as_json(const node_view& view) {
  json node{{"name", view.status.name},
            {"cluster", view.status.cluster},
            {"address", view.status.address},
            {"roles", json::array()},
            {"plugins", json::array()}};
  for (auto& role : view.status.roles)
    node["roles"].push_back(
        {{"role", role.role}, {"health", to_string(role.health)}, {"text", role.text}});
  for (auto& plugin : view.plugins)
    node["plugins"].push_back({{"kind", plugin.kind},
                               {"name", plugin.name},
                               {"version", plugin.version},
                               {"interface", plugin.interface},
                               {"sha256", plugin.sha256}});
  if (view.metrics)
    node["dispatchers"] = dispatchers_as_json(*view.metrics);
  return dump(node);
}

std::string as_text(const node_view& view) {
  auto& status = view.status;
  auto text = fmt::format("{} at {}, of the cluster {}\n", printable(status.name),
                          printable(status.address), printable(status.cluster));
  for (auto& role : status.roles)
    text += fmt::format("role       {}: {}{}{}\n", printable(role.role), to_string(role.health),
                        role.text.empty() ? "" : ", ", printable_lines(role.text));
  for (auto& plugin : view.plugins)
    text += printable(fmt::format("{:<10} {} {}, interface {}, sha256 {}", plugin.kind, plugin.name,
                                  plugin.version, plugin.interface, plugin.sha256)) +
            '\n';
  return text;
}

/// What a command needs while it runs.
struct node_command {
  std::function<result<service_address>()> address;
  std::function<bool()> json;
  std::function<result<endpoint>(const std::string& name)> find;
  std::function<result<std::string>(const cluster_config&, const endpoint&, bool as_json)> ask;
  std::string name;
  bool writes_json = false;

  result<endpoint> find_node(const service_address& cluster) const {
    auto member = std::ranges::find(cluster.members, name, &member_config::name);
    if (member != cluster.members.end())
      return member->address;
    if (auto where = parse_endpoint(name))
      return *where;
    if (find)
      return find(name);
    return fail(errc::not_found,
                fmt::format("the cluster's file names no node '{}'; write its HOST:PORT", name));
  }

  status run() const {
    auto cluster = address();
    if (!cluster)
      return tl::unexpected{cluster.error()};
    auto where = find_node(*cluster);
    if (!where)
      return tl::unexpected{where.error()};
    auto text = ask(cluster->cluster, *where, json ? json() : writes_json);
    if (!text)
      return tl::unexpected{text.error()};
    fmt::print("{}", *text);
    return {};
  }
};

void add_command(CLI::App& app, const char* name, const char* description, node_command what,
                 std::function<void(std::function<status()>)> choose) {
  auto command = std::make_shared<node_command>(std::move(what));
  auto* node = app.add_subcommand(name, description);
  node->add_option("NAME", command->name, "As node.name in its file, or HOST:PORT")->required();
  if (!command->json)
    node->add_flag("--json", command->writes_json, "Write JSON, where a program might read it");
  node->callback(
      [command, choose = std::move(choose)] { choose([command] { return command->run(); }); });
}

result<std::string> show_node(const cluster_config& cluster, const endpoint& where, bool json) {
  auto view = ask_node(cluster, where);
  if (!view)
    return tl::unexpected{view.error()};
  return json ? as_json(*view) : as_text(*view);
}

result<std::string> show_metrics(const cluster_config& cluster, const endpoint& where, bool json) {
  node_connection node{cluster};
  auto metrics = node.client.metrics(where);
  if (!metrics)
    return tl::unexpected{metrics.error()};
  return json ? dump(metrics_as_json(*metrics)) : to_prometheus_text(*metrics);
}

} // namespace

void add_node_command(CLI::App& app, std::function<result<service_address>()> address,
                      std::function<void(std::function<status()>)> choose,
                      std::function<bool()> json,
                      std::function<result<endpoint>(const std::string& name)> find) {
  add_command(app, "node", "Ask a node itself: how its roles are, and which plugins it has loaded",
              {std::move(address), std::move(json), std::move(find), show_node, {}},
              std::move(choose));
}

void add_metrics_command(CLI::App& app, std::function<result<service_address>()> address,
                         std::function<void(std::function<status()>)> choose,
                         std::function<bool()> json,
                         std::function<result<endpoint>(const std::string& name)> find) {
  add_command(app, "metrics", "Ask a node for what it measures, in the text format of Prometheus",
              {std::move(address), std::move(json), std::move(find), show_metrics, {}},
              std::move(choose));
}

} // namespace atl::node
