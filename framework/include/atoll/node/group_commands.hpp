#pragma once

#include <atoll/core/error.hpp>
#include <atoll/node/service_connection.hpp>

#include <functional>

namespace CLI {
class App;
}

namespace atl::node {

/// Adds the subcommands `list`, `add`, `replace`, `remove` and `lead` to an application's command
/// line, with which an operator administers a service's group. They print on standard output.
/// @param app the command that the service's `admin_command` names
/// @param address is called when one of them runs
/// @param choose gets what the chosen one does, once the command line was read
/// @param json whether `list` writes JSON; null: it has the option `--json`
void add_group_commands(CLI::App& app, const service_description& service,
                        std::function<result<service_address>()> address,
                        std::function<void(std::function<status()>)> choose,
                        std::function<bool()> json = {});

} // namespace atl::node
