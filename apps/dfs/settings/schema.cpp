#include "settings/settings.hpp"

#include <vector>

namespace dfs {

namespace {

using atl::key_spec;
using atl::spi::option_type;

key_spec plugin_options(std::string key, std::string meaning) {
  key_spec spec;
  spec.key = std::move(key);
  spec.is_plugin_options = true;
  spec.meaning = std::move(meaning);
  return spec;
}

std::vector<key_spec> make_cluster_schema() {
  return {
      {.key = "cluster.name",
       .required = true,
       .meaning = "Nodes and clients of clusters with different names refuse each other."},
      {.key = "cluster.secret_file",
       .meaning = "The file of the secret by which nodes and clients prove that they belong to the "
                  "cluster; where it is missing, cluster.secret beside the file with cluster.name. "
                  "Without a secret nodes listen on loopback addresses only.",
       .is_path = true},
      {.key = "masters[]", .minimum = "1", .maximum = "9"},
      {.key = "masters[].id",
       .type = option_type::integer,
       .required = true,
       .minimum = "1",
       .maximum = "1000000",
       .meaning = "The master's number in the group; never give it to another disk."},
      {.key = "masters[].name", .required = true, .meaning = "As node.name in that node's file."},
      {.key = "masters[].address",
       .required = true,
       .meaning = "host:port where the others find it, and where it listens; see node.listen."},
      {.key = "masters[].joins",
       .type = option_type::boolean,
       .default_value = "false",
       .meaning = "true: not of the group at its birth; 'dfs admin master add' lets it in."},
      {.key = "plugins.path",
       .is_list = true,
       .meaning = "Folders that are searched for plugins, in this order; a relative one starts at "
                  "the file; where it is missing, the plugins that came with the program.",
       .is_path = true},
      {.key = "consensus.plugin",
       .default_value = "two_phase_commit",
       .meaning = "The protocol by which the masters agree."},
      plugin_options("consensus.options", "What the protocol lets you set."),
      {.key = "placement.balancer",
       .default_value = "round_robin",
       .meaning = "Chooses the storage nodes for a new chunk."},
      plugin_options("placement.options", "What that balancer lets you set."),
      {.key = "reads.balancer",
       .default_value = "random",
       .meaning = "Chooses the replica that a client reads from."},
      plugin_options("reads.options", "What that balancer lets you set."),
      {.key = "recovery.plugin",
       .default_value = "replicate",
       .meaning = "How a chunk is made to survive the loss of nodes."},
      plugin_options("recovery.options", "What the scheme lets you set."),
      {.key = "files.chunk_size",
       .type = option_type::size,
       .default_value = "8MiB",
       .minimum = "64KiB",
       .maximum = "64MiB",
       .meaning = "Files are cut into chunks of this size."},
      {.key = "files.inline_limit",
       .type = option_type::size,
       .default_value = "4KiB",
       .minimum = "0",
       .maximum = "16KiB",
       .meaning =
           "Files up to this size live in the name space, on all masters, and need no chunk; "
           "only where there are at least as many masters as the scheme keeps copies."},
      {.key = "files.durability",
       .default_value = "fsync",
       .maximum = "fsync|replicated",
       .meaning = "When a chunk is acknowledged: once it is on stable storage, or once all its "
                  "replicas have it in memory and sync in the background."},
      {.key = "files.grace",
       .type = option_type::duration,
       .default_value = "1h",
       .minimum = "1s",
       .maximum = "720h",
       .meaning = "How long chunks that nothing refers to are kept: for readers of a file that was "
                  "just removed, and for uploads whose client is silent."},
      {.key = "files.collection_interval",
       .type = option_type::duration,
       .default_value = "10s",
       .minimum = "100ms",
       .maximum = "1h",
       .meaning = "How often the leading master looks for such chunks.",
       .former_key = "files.housekeeping"},
      {.key = "files.session_expiry",
       .type = option_type::duration,
       .default_value = "1h",
       .minimum = "1m",
       .maximum = "720h",
       .meaning = "How long a client may be silent and still repeat its last command safely."},
      {.key = "links.heartbeat",
       .type = option_type::duration,
       .default_value = "500ms",
       .minimum = "10ms",
       .maximum = "1m",
       .meaning = "How often nodes ask each other for a sign of life."},
      {.key = "links.failure_timeout",
       .type = option_type::duration,
       .default_value = "2s",
       .minimum = "100ms",
       .maximum = "10m",
       .meaning = "A node that doesn't answer for so long is taken for dead; at least twice the "
                  "heartbeat."},
      {.key = "links.backoff_min",
       .type = option_type::duration,
       .default_value = "50ms",
       .minimum = "1ms",
       .maximum = "1m",
       .meaning = "The first wait before connecting again; doubles each time, with jitter."},
      {.key = "links.backoff_max",
       .type = option_type::duration,
       .default_value = "2s",
       .minimum = "1ms",
       .maximum = "10m",
       .meaning = "The longest wait before connecting again."},
      {.key = "links.snapshot_rate",
       .type = option_type::size,
       .default_value = "64MiB",
       .minimum = "64KiB",
       .maximum = "64GiB",
       .meaning =
           "Bytes a second that a snapshot of the name space may take on its way to a master "
           "that lacks entries."},
      {.key = "client.timeout",
       .type = option_type::duration,
       .default_value = "10s",
       .minimum = "100ms",
       .maximum = "1h",
       .meaning = "How long a client tries in all to get one thing done by the masters."},
      {.key = "client.refusal_timeout",
       .type = option_type::duration,
       .default_value = "2s",
       .minimum = "0ms",
       .maximum = "1h",
       .meaning =
           "How long of it, when the masters are there and refuse (one that they need is down, "
           "say), or none of them listens.",
       .former_key = "client.patience"},
      {.key = "client.connect_timeout",
       .type = option_type::duration,
       .default_value = "1s",
       .minimum = "10ms",
       .maximum = "10m",
       .meaning = "How long connecting to a storage node may take."},
      {.key = "client.transfer_timeout",
       .type = option_type::duration,
       .default_value = "2s",
       .minimum = "10ms",
       .maximum = "10m",
       .meaning = "A storage node that moves no byte for so long is given up, for another."},
      {.key = "client.busy_timeout",
       .type = option_type::duration,
       .default_value = "2m",
       .minimum = "0ms",
       .maximum = "24h",
       .meaning = "How long a client tries again while storage nodes say that they are busy; "
                  "counted from the last time that one took or gave something."},
      {.key = "client.zone",
       .meaning = "The failure domain (rack, room) of this client, as node.zone: reads prefer its "
                  "nodes while at least half of them are up; empty: no preference."},
  };
}

std::vector<key_spec> make_node_schema() {
  std::vector<key_spec> schema{
      {.key = "node.name", .required = true, .meaning = "Unique in the cluster."},
      {.key = "node.roles",
       .is_list = true,
       .required = true,
       .maximum = "master|storage",
       .meaning = "What the node does: \"master\", \"storage\", or both."},
      {.key = "node.data",
       .required = true,
       .meaning = "The folder that holds all the node's data; a relative one starts at the file.",
       .is_path = true},
      {.key = "node.listen",
       .meaning =
           "host:port where the node listens for other nodes. Of a master: if it isn't where "
           "others find it (its address among [[masters]]): in a container, or behind a "
           "proxy. Of another node: where it is missing, any free port at the host of "
           "node.bulk, which the node tells the others."},
      {.key = "node.bulk",
       .meaning = "host:port where a storage node serves chunks; others must reach it there."},
      {.key = "node.bulk_listen",
       .meaning = "host:port where a storage node listens for that, if it is another one."},
      {.key = "node.zone",
       .meaning = "The failure domain (rack, room): copies go to different ones; empty: its own."},
      {.key = "node.weight",
       .type = option_type::real,
       .default_value = "1.0",
       .minimum = "0.0",
       .maximum = "1000000.0",
       .meaning = "A storage node's share of new chunks, for balancers that go by weight."},
      {.key = "node.reserve",
       .type = option_type::size,
       .default_value = "256MiB",
       .minimum = "0",
       .meaning = "Free space that the node leaves on its disk: below it a storage node takes no "
                  "chunks, and masters take only what frees space."},
      {.key = "node.threads",
       .type = option_type::integer,
       .default_value = "1",
       .minimum = "1",
       .maximum = "256",
       .meaning =
           "Threads for the actors, which never wait; those for disks, network and bulk data "
           "come on top."},
      {.key = "node.snapshot_port",
       .type = option_type::integer,
       .default_value = "0",
       .minimum = "0",
       .maximum = "65535",
       .meaning = "Where a master gives snapshots to masters that lag behind; 0: any free port."},
      {.key = "node.connections",
       .type = option_type::integer,
       .default_value = "256",
       .minimum = "1",
       .maximum = "10000",
       .meaning = "Bulk connections that a storage node serves at once; more are told to wait. "
                  "Clients leave a quarter of them to other storage nodes. "
                  "Fewer where the limit of open files ('ulimit -n') doesn't allow so many."},
      {.key = "node.write_buffer",
       .type = option_type::size,
       .default_value = "64MiB",
       .minimum = "1MiB",
       .maximum = "1TiB",
       .meaning = "Bytes of writes that a storage node takes in at once; further writes are told "
                  "to wait."},
      {.key = "node.log_level",
       .default_value = "info",
       .maximum = "debug|info|warning|error",
       .meaning = "Which log lines the node writes to its standard error."},
  };
  auto shared = make_cluster_schema();
  schema.insert(schema.end(), shared.begin(), shared.end());
  return schema;
}

} // namespace

std::span<const key_spec> cluster_schema() {
  static const auto schema = make_cluster_schema();
  return schema;
}

std::span<const key_spec> node_schema() {
  static const auto schema = make_node_schema();
  return schema;
}

} // namespace dfs
