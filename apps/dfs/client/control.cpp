#include "client/control.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>
#include <atoll/spi/codec.hpp>

#include <charconv>
#include <future>
#include <mutex>

namespace dfs {

namespace {

using atl::runtime::message_kind;

constexpr std::size_t scheduler_threads = 1;

session_id random_session() {
  auto digits = atl::random_uuid();
  session_id id;
  std::from_chars(digits.data(), digits.data() + 16, id.high, 16);
  std::from_chars(digits.data() + 16, digits.data() + 32, id.low, 16);
  return id;
}

atl::runtime::group_client::settings describe(const cluster_settings& cluster) {
  atl::runtime::group_client::settings it;
  it.self.cluster = cluster.name;
  it.self.name = "a client";
  it.self.role = atl::runtime::client_role;
  it.timing = cluster.links;
  for (auto& master : cluster.masters)
    it.members.push_back({master.name, master.address});
  it.timeout = cluster.client_timeout;
  it.refusal_timeout = cluster.client_patience;
  it.seed = random_session().low;
  it.advice = nodes_down_advice;
  return it;
}

} // namespace

struct control::implementation {
  struct session {
    session_id id;
    std::uint64_t sequence = 0;
  };

  explicit implementation(const cluster_settings& settings)
      : actors{settings.links, scheduler_threads}, group{actors, describe(settings)} {}

  std::mutex mutex;
  std::vector<session> idle_sessions;
  atl::runtime::system actors;
  atl::runtime::group_client group;

  // -- sessions -------------------------------------------------------------------------------

  session take_session() {
    std::lock_guard lock{mutex};
    if (idle_sessions.empty())
      return {random_session(), 0};
    auto taken = idle_sessions.back();
    idle_sessions.pop_back();
    return taken;
  }

  void give_back(session used) {
    std::lock_guard lock{mutex};
    idle_sessions.push_back(used);
  }
};

control::control(const cluster_settings& cluster)
    : impl_{std::make_unique<implementation>(cluster)} {}

control::~control() = default;

void control::submit(action what, completion done) {
  auto session = impl_->take_session();
  command next{session.id, ++session.sequence, 0, std::move(what)};
  auto bytes = encode(next);
  auto finish = [this, done](implementation::session used, atl::result<std::string> answer) {
    if (answer)
      impl_->give_back(used);
    done(std::move(answer)); // a session with a command in doubt is not used again
  };
  impl_->group.call(
      message_kind::command, std::move(bytes),
      [this, session, next = std::move(next), finish](atl::result<std::string> answer) mutable {
        auto outcome = answer ? decode_response<responses::changed>(*answer)
                              : atl::result<responses::changed>{tl::unexpected{answer.error()}};
        if (outcome || !is_session_expired(outcome.error()) || session.sequence == 1)
          return finish(session, std::move(answer));
        // Idle for long: this is the command's first attempt, so a new session can't repeat it.
        session = {random_session(), 1};
        next.session = session.id;
        next.sequence = 1;
        impl_->group.call(message_kind::command, encode(next),
                          [session, finish](auto second) { finish(session, std::move(second)); });
      });
}

atl::result<std::string> control::submit(action what) {
  std::promise<atl::result<std::string>> answer;
  submit(std::move(what), [&](auto it) { answer.set_value(std::move(it)); });
  return answer.get_future().get();
}

void control::query(std::string query, completion done) {
  impl_->group.call(message_kind::query, std::move(query), std::move(done));
}

atl::result<std::string> control::query_bytes(std::string query) {
  return impl_->group.call(message_kind::query, std::move(query));
}

atl::status control::change_members(std::vector<atl::spi::replica_id> voters,
                                    std::vector<atl::spi::replica_id> learners,
                                    std::vector<atl::spi::replica_id> lost) {
  auto wanted =
      encode(atl::runtime::change_members{std::move(voters), std::move(learners), std::move(lost)});
  return impl_->group.call(message_kind::members, std::move(wanted)).map([](auto&&) {});
}

atl::status control::transfer_leadership(atl::spi::replica_id to) {
  atl::spi::writer wanted;
  wanted.put(to);
  return impl_->group.call(message_kind::transfer, wanted.take()).map([](auto&&) {});
}

atl::result<std::string> control::call(protocol::kind kind, std::string body) {
  return impl_->group.call(static_cast<message_kind>(kind), std::move(body));
}

void control::call(protocol::kind kind, std::string body, completion done) {
  impl_->group.call(static_cast<message_kind>(kind), std::move(body), std::move(done));
}

std::vector<atl::result<std::string>> control::call_each(protocol::kind kind) {
  return impl_->group.call_each(static_cast<message_kind>(kind), {});
}

} // namespace dfs
atl::result<protocol::cluster_info> control::cluster_info() {
  auto bytes = call(protocol::kind::cluster, {});
  if (!bytes)
    return tl::unexpected{bytes.error()};
  return protocol::decode_cluster_info(*bytes);
}

