#include <atoll/node/cluster_config.hpp>

#include <system_error>

namespace atl::node {

namespace {

using spi::option_type;

/// A default file that isn't there means that the cluster has no secret. A symbolic link that leads
/// nowhere is there.
bool is_missing(const std::filesystem::path& file) {
  std::error_code unknown;
  return std::filesystem::symlink_status(file, unknown).type() ==
         std::filesystem::file_type::not_found;
}

void read_secret(const config& config, cluster_config& cluster, config_errors& problems) {
  const std::string key = "cluster.secret_file";
  auto is_written = config.is_set(key);
  cluster.secret_file =
      is_written ? config.path(key) : config.directory_of("cluster.name") / secret_file_name;
  if (!is_written && is_missing(cluster.secret_file))
    return;
  auto secret = net::cluster_secret::load(cluster.secret_file);
  if (secret)
    cluster.secret = *secret;
  else
    problems.add_of_file(key, secret.error().message);
}

std::chrono::milliseconds milliseconds(const config& config, std::string_view key) {
  return std::chrono::ceil<std::chrono::milliseconds>(config.duration(key));
}

void read_links(const config& config, runtime::connection_settings& links,
                config_errors& problems) {
  links.heartbeat = milliseconds(config, "links.heartbeat");
  links.failure_timeout = milliseconds(config, "links.failure_timeout");
  links.backoff_min = milliseconds(config, "links.backoff_min");
  links.backoff_max = milliseconds(config, "links.backoff_max");
  links.snapshot_rate = config.size("links.snapshot_rate");
  if (links.failure_timeout < 2 * links.heartbeat) {
    // Cite the key that is written.
    auto is_written = config.where("links.failure_timeout") != "default";
    problems.add(is_written ? "links.failure_timeout" : "links.heartbeat",
                 "links.failure_timeout must be at least twice links.heartbeat: one late answer is "
                 "no failure");
  }
  if (links.backoff_max < links.backoff_min)
    problems.add("links.backoff_max", "must not be below links.backoff_min");
}

} // namespace

std::vector<key_spec> cluster_keys() {
  return {
      {.key = "cluster.name",
       .required = true,
       .meaning = "Nodes and clients of clusters with different names refuse each other."},
      {.key = "cluster.secret_file",
       .meaning = "The file of the secret by which nodes and clients prove that they belong to the "
                  "cluster; where it is missing, cluster.secret beside the file with cluster.name. "
                  "Without a secret nodes listen on loopback addresses only.",
       .is_path = true},
      {.key = "plugins.path",
       .is_list = true,
       .meaning = "Folders that are searched for plugins, in this order; a relative one starts at "
                  "the file; where it is missing, the plugins that came with the program.",
       .is_path = true},
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
       .meaning = "Bytes a second that a snapshot of a group's state may take on its way to a "
                  "member that lacks entries."},
      {.key = "client.timeout",
       .type = option_type::duration,
       .default_value = "10s",
       .minimum = "100ms",
       .maximum = "1h",
       .meaning = "How long a client tries in all to get one thing done by a group."},
      {.key = "client.refusal_timeout",
       .type = option_type::duration,
       .default_value = "2s",
       .minimum = "0ms",
       .maximum = "1h",
       .meaning = "How long of it, when the group's members are there and refuse (one that they "
                  "need is down, say), or none of them listens.",
       .former_key = "client.patience"},
  };
}

cluster_config read_cluster_config(const config& config, config_errors& problems) {
  cluster_config cluster;
  cluster.name = config.text("cluster.name");
  problems.check_name("cluster.name");
  read_secret(config, cluster, problems);
  cluster.plugin_path = config.paths("plugins.path");
  read_links(config, cluster.links, problems);
  cluster.client_timeout = config.duration("client.timeout");
  cluster.client_refusal_timeout = config.duration("client.refusal_timeout");
  return cluster;
}

} // namespace atl::node
