#include "check_node.hpp"

#include "loaded_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace atl::node {

namespace {

constexpr int exit_failed = 1;

int report_error(const error& problem) {
  fmt::print(stderr, "{}\n", problem.message);
  return exit_failed;
}

void print_check(const loaded_config& all, const plugin_host& plugins) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  auto rows = all.config.resolved();
  for (auto& row : rows) {
    key_width = std::max(key_width, row.key.size());
    value_width = std::max(value_width, row.value.size());
  }
  for (auto& row : rows)
    fmt::print("{:<{}} = {:<{}}  # {}\n", row.key, key_width, row.value, value_width, row.origin);
  fmt::print("\n");
  for (auto& plugin : plugins.all())
    fmt::print("# {}: {} from {}\n", plugin.section.table(), plugin.text(),
               plugin.plugin->file().string());
  fmt::print("# secret: {}\n", all.cluster.secret.empty()
                                   ? "none; the node listens on loopback addresses only"
                                   : all.cluster.secret_file.string());
}

int check_here(const std::string& file, const application& application,
               const announce_step& announce) {
  auto all = load_config(file, application);
  if (!all)
    return report_error(all.error());
  auto plugins = load_plugins(*all, application, announce);
  if (!plugins)
    return report_error(plugins.error());
  for (auto& role : application.roles) // of other nodes, too: the file names their plugins
    if (auto fine = role->try_plugins(all->config, *plugins, announce); !fine)
      return report_error(fine.error());
  announce({file, "printing", std::chrono::seconds{0}});
  print_check(*all, *plugins);
  if (std::fflush(stdout) == 0)
    return 0;
  std::fprintf(stderr, "%s: writing standard output failed\n", application.program.c_str());
  return exit_failed;
}

} // namespace

int check_node(const std::string& file, const application& application) {
  auto code = run_guarded(
      [&](const announce_step& announce) { return check_here(file, application, announce); });
  return code ? *code : report_error(code.error());
}

} // namespace atl::node
