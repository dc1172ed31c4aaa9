#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/node/service_connection.hpp>

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace atl::node {

/// Adds the subcommand `node NAME` to an application's command line: it asks a node itself how its
/// roles and their dispatchers are, and which plugins it has loaded. NAME is a member's name or
/// `HOST:PORT`.
/// @param address is called when it runs
/// @param choose gets what it does, once the command line was read
/// @param json whether it writes JSON; null: it has the option `--json`
/// @param find looks a node up that is no member; null: there are no other nodes
void add_node_command(CLI::App& app, std::function<result<service_address>()> address,
                      std::function<void(std::function<status()>)> choose,
                      std::function<bool()> json = {},
                      std::function<result<endpoint>(const std::string& name)> find = {});

/// Adds the subcommand `metrics NAME`: it asks a node for what it measures, and writes that as
/// Prometheus reads it (text exposition format 0.0.4), or as JSON. The parameters are those of
/// `add_node_command`.
void add_metrics_command(CLI::App& app, std::function<result<service_address>()> address,
                         std::function<void(std::function<status()>)> choose,
                         std::function<bool()> json = {},
                         std::function<result<endpoint>(const std::string& name)> find = {});

} // namespace atl::node
