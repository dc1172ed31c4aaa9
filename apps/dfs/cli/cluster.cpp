#include "cli/commands.hpp"
#include "cli/health.hpp"
#include "cli/output.hpp"
#include "cli/status_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs::cli {

namespace {

/// JSON has the health at the same place if no master answers.
int report_missing_status(const context& with, const atl::error& problem) {
  auto code = report_error(problem);
  if (with.json && code == unavailable)
    print("{}\n", nlohmann::json{{"health", to_json(cluster_health{health_state::unavailable,
                                                                   {problem.message}})}}
                      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return code;
}

} // namespace

int show_status(context& with) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto status = gather_status(**masters);
  if (!status)
    return report_missing_status(with, status.error());
  if (with.json)
    print("{}\n", to_json(*status).dump());
  else
    print("{}", status_text(*status));
  return health_exit_code(judge_health(*status));
}

} // namespace dfs::cli
