#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/peer_connections.hpp>

#include <functional>
#include <utility>

namespace atl::runtime {

peer_subscription::~peer_subscription() {
  if (owner_)
    owner_->release(where_, id_);
}

void peer_subscription::swap(peer_subscription& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(where_, other.where_);
  std::swap(id_, other.id_);
  std::swap(connection_, other.connection_);
}

peer_connections::peer_connections(caf::actor_system& actors,
                                   std::shared_ptr<node_description> self,
                                   const connection_settings& timing, std::uint64_t seed)
    : actors_{actors}, self_{std::move(self)}, timing_{timing}, seed_{seed} {}

peer_subscription peer_connections::subscribe(const endpoint& where, peer_subscriber who) {
  peer_subscription share;
  share.owner_ = shared_from_this();
  share.where_ = to_string(where);
  std::lock_guard lock{mutex_};
  share.id_ = ++last_id_;
  auto& shared = connections_[share.where_];
  if (shared.subscribers++ == 0)
    shared.connection = spawn_on_io_thread<peer_connection_actor>(
        actors_, peer_connection_actor::settings{who.peer, where, self_, timing_,
                                                 seed_ ^ std::hash<std::string>{}(share.where_)});
  share.connection_ = shared.connection;
  tell_from_outside(shared.connection, add_subscriber{share.id_, std::move(who)});
  return share;
}

void peer_connections::release(const std::string& where, std::uint64_t id) {
  std::lock_guard lock{mutex_};
  auto shared = connections_.find(where);
  if (--shared->second.subscribers > 0)
    return tell_from_outside(shared->second.connection, remove_subscriber{id});
  caf::anon_send_exit(shared->second.connection, caf::exit_reason::user_shutdown);
  connections_.erase(shared);
}

std::size_t peer_connections::size() const {
  std::lock_guard lock{mutex_};
  return connections_.size();
}

} // namespace atl::runtime
