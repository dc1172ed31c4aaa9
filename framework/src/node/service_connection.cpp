#include <atoll/core/state/session_command.hpp>
#include <atoll/node/service_connection.hpp>
#include <atoll/runtime/system.hpp>

namespace atl::node {

namespace {

constexpr std::size_t scheduler_threads = 1;
constexpr const char* client_name = "a client";

runtime::group_client::settings describe(const service_address& to) {
  runtime::group_client::settings it;
  it.self.cluster = to.cluster.name;
  it.self.name = client_name;
  it.role = to.role;
  it.timing = to.cluster.links;
  for (auto& member : to.members)
    it.members.push_back({member.name, member.address});
  it.timeout = to.cluster.client_timeout;
  it.refusal_timeout = to.cluster.client_refusal_timeout;
  it.seed = random_session().low;
  it.advice = to.advice;
  return it;
}

} // namespace

result<service_address> read_service_address(const std::filesystem::path& file,
                                             const service_description& service) {
  std::error_code unknown;
  auto is_folder = std::filesystem::is_directory(file, unknown);
  auto config = config::load(is_folder ? file / "cluster.toml" : file, cluster_schema_of(service));
  if (!config)
    return tl::unexpected{config.error()};
  config_errors problems{*config};
  service_address to;
  to.cluster = read_cluster_config(*config, problems);
  to.members = read_group(*config, service.members, problems);
  to.role = service.name;
  return problems.finish(std::move(to));
}

struct service_connection::implementation {
  explicit implementation(const service_address& to)
      : actors{scheduler_threads, {to.cluster.name, client_name, {}, to.cluster.secret}},
        client{actors, describe(to)} {}

  runtime::system actors;
  runtime::service_client client;
};

service_connection::service_connection(const service_address& to)
    : impl_{std::make_unique<implementation>(to)} {}

service_connection::~service_connection() = default;

runtime::service_client& service_connection::operator*() {
  return impl_->client;
}

runtime::service_client* service_connection::operator->() {
  return &impl_->client;
}

} // namespace atl::node
