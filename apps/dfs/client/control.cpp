#include "client/control.hpp"

#include <atoll/runtime/system.hpp>

namespace dfs {

namespace {

using atl::runtime::message_kind;

constexpr std::size_t scheduler_threads = 1;

atl::runtime::group_client::settings describe(const cluster_settings& cluster,
                                              const leader_memory* memory) {
  atl::runtime::group_client::settings it;
  it.self.cluster = cluster.name;
  it.self.name = "a client";
  it.role = master_role_name;
  it.timing = cluster.links;
  for (auto& master : cluster.masters)
    it.members.push_back({master.name, master.address});
  it.timeout = cluster.client_timeout;
  it.refusal_timeout = cluster.client_refusal_timeout;
  it.seed = atl::random_session().low;
  if (memory != nullptr)
    it.first = memory->recall();
  it.advice = nodes_down_advice;
  return it;
}

atl::runtime::membership who(const cluster_settings& cluster) {
  return {cluster.name, "a client", {}, cluster.secret};
}

} // namespace

struct control::implementation {
  implementation(const cluster_settings& settings, atl::spi::read_level reads,
                 std::shared_ptr<const leader_memory> remembered)
      : memory{std::move(remembered)}, actors{scheduler_threads, who(settings)},
        masters{actors, describe(settings, memory.get()), reads} {}
  ~implementation() {
    if (memory)
      memory->remember(masters.group().leader());
  }

  const std::shared_ptr<const leader_memory> memory;
  atl::runtime::system actors;
  atl::runtime::service_client masters;
};

control::control(const cluster_settings& cluster, atl::spi::read_level reads,
                 std::shared_ptr<const leader_memory> memory)
    : impl_{std::make_unique<implementation>(cluster, reads, std::move(memory))} {}

control::~control() = default;

void control::submit(action what, completion done) {
  impl_->masters.run(type_of(what), encode_body(what), std::move(done));
}

atl::result<std::string> control::submit(action what) {
  return impl_->masters.run(type_of(what), encode_body(what));
}

void control::query(std::string query, completion done) {
  impl_->masters.query(std::move(query), std::move(done));
}

atl::result<std::string> control::query_bytes(std::string query) {
  return impl_->masters.query(std::move(query));
}

std::optional<atl::spi::log_index> control::oldest_applied() const {
  return impl_->masters.oldest_applied();
}

atl::runtime::service_client& control::service() {
  return impl_->masters;
}

atl::result<std::string> control::call(protocol::kind kind, std::string body) {
  return impl_->masters.group().call(static_cast<message_kind>(kind), std::move(body));
}

void control::call(protocol::kind kind, std::string body, completion done) {
  impl_->masters.group().call(static_cast<message_kind>(kind), std::move(body), std::move(done));
}

atl::result<std::string> control::call_any(protocol::kind kind, std::string body) {
  return impl_->masters.group().call_any(static_cast<message_kind>(kind), std::move(body));
}

atl::result<protocol::cluster_info> control::cluster_info() {
  auto bytes = call_any(protocol::kind::cluster, {});
  if (!bytes)
    return tl::unexpected{bytes.error()};
  return protocol::decode_cluster_info(*bytes);
}

std::vector<atl::result<std::string>> control::call_each(protocol::kind kind,
                                                         const std::string& body) {
  return impl_->masters.group().call_each(static_cast<message_kind>(kind), body);
}

} // namespace dfs
