#include "client/control.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/runtime/calls.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>
#include <atoll/spi/codec.hpp>

#include <algorithm>
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
  it.seed = random_session().low;
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
  struct session {
    session_id id;
    std::uint64_t sequence = 0;
  };

  implementation(const cluster_settings& settings, atl::spi::read_level reads,
                 std::shared_ptr<const leader_memory> remembered)
      : memory{std::move(remembered)}, level{reads}, actors{scheduler_threads, who(settings)},
        group{actors, describe(settings, memory.get())} {}
  ~implementation() {
    if (memory)
      memory->remember(group.leader());
  }

  std::mutex mutex;
  std::vector<session> idle_sessions;
  std::optional<atl::spi::log_index> oldest_applied;
  const std::shared_ptr<const leader_memory> memory;
  const atl::spi::read_level level;
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

  // -- local reads ----------------------------------------------------------------------------

  /// Takes the state machine's response out of the answer to a local query.
  atl::result<std::string> unwrap(const std::string& answer) {
    auto local = atl::runtime::decode_local_response(answer);
    if (!local)
      return atl::fail(atl::errc::corrupt, "a master's answer to a local query is malformed");
    std::lock_guard lock{mutex};
    oldest_applied = std::min(oldest_applied.value_or(local->applied), local->applied);
    return std::move(local->response);
  }
};

control::control(const cluster_settings& cluster, atl::spi::read_level reads,
                 std::shared_ptr<const leader_memory> memory)
    : impl_{std::make_unique<implementation>(cluster, reads, std::move(memory))} {}

control::~control() = default;

void control::submit(action what, completion done) {
  auto session = impl_->take_session();
  command next{session.id, ++session.sequence, 0, std::move(what)};
  auto bytes = encode(next);
  auto finish = [this, done = std::move(done)](implementation::session used,
                                               atl::result<std::string> answer) {
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
        // The session expired while idle. This is the command's first attempt, so a new session
        // can't repeat the command.
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
  if (impl_->level == atl::spi::read_level::linearizable)
    return impl_->group.call(message_kind::query, std::move(query), std::move(done));
  impl_->group.call(message_kind::local_query, std::move(query),
                    [this, done = std::move(done)](atl::result<std::string> answer) {
                      done(answer ? impl_->unwrap(*answer) : std::move(answer));
                    });
}

atl::result<std::string> control::query_bytes(std::string query) {
  std::promise<atl::result<std::string>> answer;
  this->query(std::move(query), [&](auto response) { answer.set_value(std::move(response)); });
  return answer.get_future().get();
}

std::optional<atl::spi::log_index> control::oldest_applied() const {
  std::lock_guard lock{impl_->mutex};
  return impl_->oldest_applied;
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

atl::result<protocol::cluster_info> control::cluster_info() {
  auto bytes = call(protocol::kind::cluster, {});
  if (!bytes)
    return tl::unexpected{bytes.error()};
  return protocol::decode_cluster_info(*bytes);
}

std::vector<atl::result<std::string>> control::call_each(protocol::kind kind) {
  return impl_->group.call_each(static_cast<message_kind>(kind), {});
}

} // namespace dfs
