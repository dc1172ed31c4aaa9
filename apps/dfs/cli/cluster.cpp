#include "cli/commands.hpp"
#include "cli/status_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs::cli {

int show_status(context& with) {
  auto masters = with.masters();
  if (!masters)
    return complain(masters.error());
  auto status = gather_status(**masters);
  if (!status)
    return complain(status.error());
  if (with.json)
    fmt::print("{}\n", status->dump());
  else
    fmt::print("{}", status_text(*status));
  return done;
}

} // namespace dfs::cli
