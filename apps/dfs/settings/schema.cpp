#include "common/upkeep.hpp"
#include "settings/masters_service.hpp"
#include "settings/plugins.hpp"
#include "settings/settings.hpp"

#include <atoll/node/pool_section.hpp>
#include <atoll/node/unite_keys.hpp>

namespace dfs {

namespace {

using atl::key_spec;
using atl::spi::option_type;

/// Masters and storage nodes have disks alike.
key_spec reserve_key() {
  return {.key = "node.reserve",
          .type = option_type::size,
          .default_value = "256MiB",
          .minimum = "0",
          .meaning =
              "Free space that the node leaves on its disk: below it a storage node takes no "
              "chunks, and masters take only what frees space."};
}

std::vector<key_spec> files_and_client_keys() {
  return {
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
      {.key = "files.trash",
       .type = option_type::duration,
       .default_value = "0ms",
       .minimum = "0ms",
       .maximum = "87600h",
       .meaning = "How long removed and replaced files can be restored ('dfs trash'); they take "
                  "space until then. 0ms: they are gone at once."},
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

/// How fragments are sent, where the recovery scheme doesn't say.
std::vector<key_spec> transfer_keys() {
  return {
      {.key = "recovery.sends",
       .type = option_type::integer,
       .default_value = "1",
       .minimum = "1",
       .maximum = "100",
       .meaning = "How often a fragment is sent to a node that doesn't acknowledge it, before "
                  "another node gets it."},
      {.key = "recovery.placements",
       .type = option_type::integer,
       .default_value = "3",
       .minimum = "1",
       .maximum = "100",
       .meaning = "How many sets of nodes a client tries for a chunk."},
      {.key = "recovery.first_timeout",
       .type = option_type::duration,
       .default_value = "600ms",
       .minimum = "10ms",
       .maximum = "10m",
       .meaning = "How long a node of the first set may be silent, if that is less than "
                  "client.transfer_timeout: there may be others."},
      {.key = "recovery.backoff",
       .type = option_type::duration,
       .default_value = "10ms",
       .minimum = "1ms",
       .maximum = "1m",
       .meaning = "The first pause before a transfer is repeated; pauses double, with jitter."},
      {.key = "recovery.backoff_max",
       .type = option_type::duration,
       .default_value = "800ms",
       .minimum = "1ms",
       .maximum = "10m",
       .meaning = "The longest such pause. How long transfers are repeated says "
                  "client.busy_timeout."},
      {.key = "recovery.hedge_after",
       .type = option_type::duration,
       .default_value = "200ms",
       .minimum = "1ms",
       .maximum = "10m",
       .meaning = "Once enough fragments of a chunk are stored, a client waits at least so long "
                  "for the others; repair makes those that it gave up."},
  };
}

std::vector<key_spec> upkeep_keys() {
  std::vector<key_spec> keys;
  for (const auto& each : upkeep_settings())
    keys.push_back({.key = std::string{each.key},
                    .type = each.type,
                    .default_value = std::string{each.default_value},
                    .minimum = std::string{each.minimum},
                    .maximum = std::string{each.maximum},
                    .meaning = std::string{each.meaning}});
  return keys;
}

} // namespace

std::vector<key_spec> shared_keys() {
  return atl::node::unite_keys({atl::node::group_keys("masters"),
                                atl::node::pool_keys("placement", {"10s", "1s"}),
                                files_and_client_keys(), transfer_keys(), upkeep_keys()});
}

std::vector<key_spec> master_keys() {
  return atl::node::unite_keys({{reserve_key()}, atl::node::replica_keys(masters_service())});
}

std::vector<key_spec> storage_keys() {
  return {
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
      {.key = "node.connections",
       .type = option_type::integer,
       .default_value = "4096",
       .minimum = "1",
       .maximum = "65536",
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
      reserve_key(),
      {.key = "scrub.period",
       .type = option_type::duration,
       .default_value = "336h",
       .minimum = "1s",
       .maximum = "87600h",
       .meaning = "A storage node reads all that it stores again within this time, and compares it "
                  "with its checksums."},
      {.key = "scrub.rate",
       .type = option_type::size,
       .default_value = "20MiB",
       .minimum = "64KiB",
       .maximum = "1TiB",
       .meaning = "Bytes a second that it reads for that at most. It waits while it works for "
                  "clients, except when it is late."},
  };
}

std::span<const key_spec> cluster_schema() {
  static const auto schema = [] {
    std::vector<std::vector<key_spec>> lists{atl::node::cluster_keys(), shared_keys()};
    for (auto& section : plugin_sections())
      lists.push_back(atl::node::plugin_keys(section));
    return atl::node::unite_keys(lists);
  }();
  return schema;
}

std::span<const key_spec> node_schema() {
  static const auto schema = [] {
    std::vector<std::string> roles{std::string{master_role_name}, std::string{storage_role_name}};
    auto shared = cluster_schema();
    return atl::node::unite_keys({atl::node::node_keys(roles),
                                  master_keys(),
                                  storage_keys(),
                                  {shared.begin(), shared.end()}});
  }();
  return schema;
}

} // namespace dfs
