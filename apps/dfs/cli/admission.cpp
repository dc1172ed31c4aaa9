#include "cli/admission.hpp"

#include <fmt/format.h>

namespace dfs::cli {

using atl::errc;
using atl::fail;
using nlohmann::json;

atl::result<json> ask_master(control& masters, const cluster_settings& cluster,
                             const std::string& name) {
  auto answers = masters.call_each(protocol::kind::status);
  for (std::size_t i = 0; i < answers.size() && i < cluster.masters.size(); ++i) {
    if (cluster.masters[i].name != name)
      continue;
    if (!answers[i])
      return tl::unexpected{answers[i].error()};
    auto view = json::parse(*answers[i], nullptr, false);
    if (view.is_object() && view.contains("seen_by"))
      return view;
    return fail(errc::corrupt, fmt::format("{} sends a status that can't be read", name));
  }
  return fail(errc::not_found, fmt::format("the cluster's file names no master '{}'", name));
}

atl::result<atl::spi::replica_id> admit(control& masters, const cluster_settings& cluster,
                                        const std::string& name, atl::spi::replica_id id) {
  auto view = ask_master(masters, cluster, name);
  if (!view)
    return tl::unexpected{view.error()};
  commands::admit_master wanted;
  wanted.id = id;
  wanted.name = name;
  wanted.folder = (*view)["seen_by"]["folder"].get<std::string>();
  for (auto& master : cluster.masters)
    if (master.name == name)
      wanted.address = atl::to_string(master.address);
  auto admitted = masters.run(std::move(wanted));
  if (!admitted)
    return tl::unexpected{admitted.error()};
  return admitted->id;
}

} // namespace dfs::cli
