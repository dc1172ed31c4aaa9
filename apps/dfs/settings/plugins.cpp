#include "settings/plugins.hpp"

namespace dfs {

using atl::spi::plugin_kind;

const std::vector<atl::node::plugin_section>& plugin_sections() {
  static const std::vector<atl::node::plugin_section> sections{
      {consensus_key, plugin_kind::consensus, "two_phase_commit",
       "The protocol by which the masters agree.", "What the protocol lets you set."},
      {placement_key, plugin_kind::balancer, "round_robin",
       "Chooses the storage nodes for a new chunk.", "What that balancer lets you set."},
      {reads_key, plugin_kind::balancer, "random", "Chooses the replica that a client reads from.",
       "What that balancer lets you set."},
      {recovery_key, plugin_kind::recovery, "replicate",
       "How a chunk is made to survive the loss of nodes.", "What the scheme lets you set."},
  };
  return sections;
}

protocol::plugin_choice choice_of(const atl::node::chosen_plugin& plugin) {
  return {std::string{plugin.plugin->name()}, std::string{plugin.plugin->version()},
          plugin.options};
}

} // namespace dfs
