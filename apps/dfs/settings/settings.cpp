#include "settings/settings.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <netdb.h>
#include <optional>

namespace dfs {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t name_bytes_max = 64;

/// Is it `0.0.0.0`, `::` or another notation for all addresses of a machine?
bool is_any_address(const std::string& host) {
  if (host == "*")
    return true;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    return false; // a host name
  auto is_any = [](const sockaddr* address) {
    if (address->sa_family == AF_INET)
      return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == INADDR_ANY;
    auto& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    return IN6_IS_ADDR_UNSPECIFIED(&v6) ||
           (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr32[3] == INADDR_ANY);
  };
  auto any = is_any(found->ai_addr);
  ::freeaddrinfo(found);
  return any;
}

/// Why a folder can't hold a node's data, as far as this can be checked without creating the
/// folder; none when it can.
std::optional<std::string> data_refusal(const fs::path& data) {
  auto refused = [&](std::string_view why) { return fmt::format("{} {}", data.string(), why); };
  if (data == data.root_path())
    return refused("is the root of all folders; give the node a folder of its own");
  std::error_code unknown;
  if (fs::exists(data, unknown) && !fs::is_directory(data, unknown))
    return refused("is no folder; give the node a folder of its own");
  return std::nullopt;
}

/// Collects mistakes, so that an operator sees all of them at once.
class config_errors {
 public:
  explicit config_errors(const atl::config& config) : config_{config} {}

  void add(const std::string& key, std::string_view what) {
    if (!text_.empty())
      text_ += '\n';
    text_ += fmt::format("{}: {}: {}", config_.where(key), key, what);
  }

  void check_name(const std::string& key) {
    auto& name = config_.text(key);
    auto plain = [](unsigned char c) {
      return std::isalnum(c) || c == '-' || c == '_' || c == '.';
    };
    if (name.empty() || name.size() > name_bytes_max ||
        !std::all_of(name.begin(), name.end(), plain))
      add(key, fmt::format("'{}' is no name: use 1 to {} letters, digits, '-', '_' and '.'", name,
                           name_bytes_max));
  }

  /// An address to listen on. @param otherwise the address when the key isn't set
  atl::endpoint check_listen(const std::string& key, atl::endpoint otherwise) {
    if (!config_.is_set(key))
      return otherwise;
    auto where = check_endpoint(key);
    if (where.host == "*")
      add(key, "'*' is no host; write 0.0.0.0 or [::] to listen at all addresses of the machine");
    return where;
  }

  atl::endpoint check_endpoint(const std::string& key) {
    auto where = atl::parse_endpoint(config_.text(key));
    if (where)
      return *where;
    add(key, where.error().message);
    return {};
  }

  /// An address that others connect to. @param listen_key the key that may have an address of all
  /// interfaces
  atl::endpoint check_reachable(const std::string& key, std::string_view listen_key) {
    auto where = check_endpoint(key);
    if (is_any_address(where.host))
      add(key, fmt::format("'{}' means all addresses of a machine, and the others connect to this "
                           "one: write here how they reach the node, and write {} for the address "
                           "where it listens",
                           config_.text(key), listen_key));
    return where;
  }

  /// A problem with a file that the key names, or that is used because the key isn't written.
  void add_of_file(const std::string& key, std::string_view what) {
    if (config_.is_set(key))
      return add(key, what);
    if (!text_.empty())
      text_ += '\n';
    text_ += what;
  }

  template <class T>
  atl::result<T> finish(T value) const {
    if (text_.empty())
      return value;
    return atl::fail(atl::errc::invalid, text_);
  }

 private:
  const atl::config& config_;
  std::string text_;
};

std::chrono::milliseconds milliseconds(const atl::config& config, std::string_view key) {
  return std::chrono::ceil<std::chrono::milliseconds>(config.duration(key));
}

void read_masters(const atl::config& config, cluster_settings& cluster, config_errors& problems) {
  for (std::size_t i = 0; i < config.size_of("masters"); ++i) {
    auto key = [&](std::string_view name) { return atl::config::at("masters", i, name); };
    master_entry entry;
    entry.id = static_cast<atl::spi::replica_id>(config.integer(key("id")));
    entry.name = config.text(key("name"));
    problems.check_name(key("name"));
    entry.address = problems.check_reachable(key("address"), "node.listen");
    entry.joins = config.boolean(key("joins"));
    for (auto& other : cluster.masters) {
      if (other.id == entry.id)
        problems.add(key("id"), fmt::format("{} is the id of {} already", entry.id, other.name));
      if (other.name == entry.name)
        problems.add(key("name"), "another master has this name");
      if (other.address == entry.address)
        problems.add(key("address"), fmt::format("{} listens there already", other.name));
    }
    cluster.masters.push_back(std::move(entry));
  }
}

/// A default file that isn't there means that the cluster has no secret. A symbolic link that leads
/// nowhere is there.
bool is_missing(const fs::path& file) {
  std::error_code unknown;
  return fs::symlink_status(file, unknown).type() == fs::file_type::not_found;
}

void read_secret(const atl::config& config, cluster_settings& cluster, config_errors& problems) {
  const std::string key = "cluster.secret_file";
  auto is_written = config.is_set(key);
  cluster.secret_file =
      is_written ? config.path(key) : config.directory_of("cluster.name") / secret_file_name;
  if (!is_written && is_missing(cluster.secret_file))
    return;
  auto secret = atl::net::cluster_secret::load(cluster.secret_file);
  if (secret)
    cluster.secret = *secret;
  else
    problems.add_of_file(key, secret.error().message);
}

} // namespace

atl::result<cluster_settings> read_cluster(const atl::config& config) {
  config_errors problems{config};
  cluster_settings cluster;
  cluster.name = config.text("cluster.name");
  problems.check_name("cluster.name");
  read_secret(config, cluster, problems);
  read_masters(config, cluster, problems);
  if (std::all_of(cluster.masters.begin(), cluster.masters.end(),
                  [](auto& it) { return it.joins; }))
    problems.add(atl::config::at("masters", 0, "joins"),
                 "all of them join later: the group needs one at its birth");
  cluster.plugin_path = config.paths("plugins.path");
  cluster.consensus = {config.text("consensus.plugin"), "consensus.options"};
  cluster.placement = {config.text("placement.balancer"), "placement.options"};
  cluster.reads = {config.text("reads.balancer"), "reads.options"};
  cluster.recovery = {config.text("recovery.plugin"), "recovery.options"};
  cluster.links.heartbeat = milliseconds(config, "links.heartbeat");
  cluster.links.failure_timeout = milliseconds(config, "links.failure_timeout");
  cluster.links.backoff_min = milliseconds(config, "links.backoff_min");
  cluster.links.backoff_max = milliseconds(config, "links.backoff_max");
  cluster.links.snapshot_rate = config.size("links.snapshot_rate");
  if (cluster.links.failure_timeout < 2 * cluster.links.heartbeat) {
    // Cite the key that is written.
    auto is_written = config.where("links.failure_timeout") != "default";
    problems.add(is_written ? "links.failure_timeout" : "links.heartbeat",
                 "links.failure_timeout must be at least twice links.heartbeat: one late answer is "
                 "no failure");
  }
  if (cluster.links.backoff_max < cluster.links.backoff_min)
    problems.add("links.backoff_max", "must not be below links.backoff_min");
  cluster.chunk_bytes = config.size("files.chunk_size");
  if (cluster.chunk_bytes % (64 << 10) != 0)
    problems.add("files.chunk_size",
                 "must be a multiple of 64KiB, the size of a checksummed block");
  cluster.inline_bytes = config.size("files.inline_limit");
  cluster.durability =
      config.text("files.durability") == "fsync" ? durability::fsync : durability::replicated;
  cluster.grace = config.duration("files.grace");
  cluster.collection_interval = config.duration("files.collection_interval");
  cluster.session_expiry = config.duration("files.session_expiry");
  cluster.client_timeout = config.duration("client.timeout");
  cluster.client_refusal_timeout = config.duration("client.refusal_timeout");
  cluster.connect_timeout = config.duration("client.connect_timeout");
  cluster.transfer_timeout = config.duration("client.transfer_timeout");
  cluster.busy_timeout = config.duration("client.busy_timeout");
  cluster.client_zone = config.text("client.zone");
  if (cluster.session_expiry <= 2 * cluster.client_timeout)
    problems.add("files.session_expiry", "must be above twice client.timeout: a client must not "
                                         "repeat a command whose session is forgotten");
  return problems.finish(std::move(cluster));
}

atl::result<node_settings> read_node(const atl::config& config, const cluster_settings& cluster) {
  config_errors problems{config};
  node_settings node;
  node.name = config.text("node.name");
  problems.check_name("node.name");
  for (auto& role : config.texts("node.roles"))
    (role == "master" ? node.is_master : node.is_storage) = true;
  if (!node.is_master && !node.is_storage)
    problems.add("node.roles",
                 "the node has nothing to do: give it \"master\", \"storage\" or both");
  node.data = config.path("node.data");
  if (auto refusal = data_refusal(node.data))
    problems.add("node.data", *refusal);
  auto entry = std::find_if(cluster.masters.begin(), cluster.masters.end(),
                            [&](auto& master) { return master.name == node.name; });
  if (node.is_master && entry == cluster.masters.end())
    problems.add("node.roles", fmt::format("'{}' isn't among the masters of the cluster: add it to "
                                           "[[masters]], or take the role away",
                                           node.name));
  if (!node.is_master && entry != cluster.masters.end())
    problems.add("node.roles", fmt::format("'{}' is among the masters of the cluster and must have "
                                           "the role \"master\"",
                                           node.name));
  if (entry != cluster.masters.end())
    node.control = entry->address;
  if (node.is_storage && !config.is_set("node.bulk"))
    problems.add("node.roles",
                 "a storage node needs node.bulk, the address where it serves chunks");
  if (config.is_set("node.bulk"))
    node.bulk = problems.check_reachable("node.bulk", "node.bulk_listen");
  if (config.is_set("node.bulk_listen") && !node.is_storage)
    problems.add("node.bulk_listen", "only a storage node listens there; a master has node.listen");
  node.bulk_listen = problems.check_listen("node.bulk_listen", node.bulk);
  if (node.is_master) {
    node.control_listen = problems.check_listen("node.listen", node.control);
  } else {
    node.control_listen = problems.check_listen("node.listen", {node.bulk_listen.host, 0});
    node.control = node.control_listen;
    if (is_any_address(node.control.host) || !config.is_set("node.listen"))
      node.control.host = node.bulk.host;
  }
  node.zone = config.text("node.zone");
  if (node.zone.size() > name_bytes_max)
    problems.add("node.zone", fmt::format("is longer than {} bytes", name_bytes_max));
  node.weight = config.real("node.weight");
  node.reserve_bytes = config.size("node.reserve");
  node.snapshot_port = static_cast<std::uint16_t>(config.integer("node.snapshot_port"));
  node.threads = static_cast<std::uint32_t>(config.integer("node.threads"));
  node.connections_max = static_cast<std::uint32_t>(config.integer("node.connections"));
  node.write_buffer_bytes = config.size("node.write_buffer");
  auto& level = config.text("node.log_level");
  node.log_level = level == "debug"     ? atl::log::level::debug
                   : level == "info"    ? atl::log::level::info
                   : level == "warning" ? atl::log::level::warning
                                        : atl::log::level::error;
  return problems.finish(std::move(node));
}

} // namespace dfs
