#include "client/control.hpp"

#include "client/backoff.hpp"
#include "common/clock.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/messages.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/system.hpp>
#include <atoll/spi/codec.hpp>
#include <atoll/spi/random.hpp>

#include <caf/io/middleman.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using atl::runtime::envelope;
using atl::runtime::message_kind;
using atl::runtime::reply;
using clock = std::chrono::steady_clock;

constexpr std::size_t scheduler_threads = 1;

session_id random_session() {
  auto digits = atl::random_uuid();
  session_id id;
  std::from_chars(digits.data(), digits.data() + 16, id.high, 16);
  std::from_chars(digits.data() + 16, digits.data() + 32, id.low, 16);
  return id;
}

} // namespace

struct control::implementation {
  struct session {
    session_id id;
    std::uint64_t sequence = 0;
  };

  explicit implementation(const cluster_settings& settings)
      : cluster{settings}, actors{settings.links, scheduler_threads},
        handles(settings.masters.size()) {
    self.cluster = cluster.name;
    self.name = "a client";
    self.role = "client";
    preferred_reader = random_session().low % cluster.masters.size();
  }

  cluster_settings cluster;
  atl::runtime::node_info self;
  atl::runtime::system actors;

  std::mutex mutex;
  std::vector<caf::actor> handles;  ///< by master; null where there is no connection
  std::size_t preferred = 0;        ///< for what changes something: the leader, if it is known
  std::size_t preferred_reader = 0; ///< any master answers questions: clients spread over them
  std::vector<session> idle_sessions;

  // -- connections ----------------------------------------------------------------------------

  atl::result<caf::actor> connection(std::size_t index) {
    {
      std::lock_guard lock{mutex};
      if (handles[index])
        return handles[index];
    }
    auto& master = cluster.masters[index];
    caf::scoped_actor asker{*actors};
    atl::result<caf::actor> found = fail(errc::unavailable, "");
    auto unreachable = [&](const std::string& why) {
      found = fail(errc::unavailable, fmt::format("master {} at {} can't be reached ({})",
                                                  master.name, to_string(master.address), why));
    };
    asker
        ->request(actors->middleman().actor_handle(), cluster.links.failure_timeout,
                  caf::connect_atom_v, master.address.host, master.address.port)
        .receive(
            [&](const caf::node_id&, caf::strong_actor_ptr& there, const std::set<std::string>&) {
              if (there)
                found = caf::actor_cast<caf::actor>(there);
              else
                unreachable("nothing is published there");
            },
            [&](const caf::error& problem) { unreachable(caf::to_string(problem)); });
    if (!found)
      return found;
    auto greeting = request(*found, message_kind::hello, encode(self));
    if (!greeting.value)
      return tl::unexpected{greeting.value.error()};
    if (auto info = atl::runtime::decode_node_info(*greeting.value); !info)
      return tl::unexpected{info.error()};
    else if (auto problem = incompatibility(self, *info); !problem.empty())
      return fail(errc::refused, problem);
    std::lock_guard lock{mutex};
    handles[index] = *found;
    return found;
  }

  void forget(std::size_t index) {
    std::lock_guard lock{mutex};
    handles[index] = nullptr;
  }

  reply request(const caf::actor& to, message_kind kind, std::string body) {
    reply answer{fail(errc::timeout, ""), {}, true};
    caf::scoped_actor asker{*actors};
    asker
        ->request(to, cluster.links.failure_timeout,
                  envelope{kind, cluster_digest(self), std::move(body)})
        .receive(
            [&](const envelope& message) { answer = atl::runtime::decode_reply(message.body); },
            [&](const caf::error& problem) {
              answer.value = fail(errc::timeout, "no answer (" + caf::to_string(problem) + ")");
            });
    return answer;
  }

  /// One attempt at one master.
  reply attempt(std::size_t index, message_kind kind, const std::string& body) {
    auto there = connection(index);
    if (!there)
      return {tl::unexpected{there.error()}, {}, false};
    auto answer = request(*there, kind, body);
    if (!answer.value && answer.value.error().code == errc::timeout && answer.in_doubt) {
      forget(index);
      answer.value = fail(errc::timeout, fmt::format("master {}: {}", cluster.masters[index].name,
                                                     answer.value.error().message));
    }
    return answer;
  }

  std::optional<std::size_t> master_at(const std::string& address) const {
    for (std::size_t i = 0; i < cluster.masters.size(); ++i)
      if (atl::to_string(cluster.masters[i].address) == address)
        return i;
    return std::nullopt;
  }

  // -- trying until it works --------------------------------------------------------------------

  atl::result<std::string> call(message_kind kind, const std::string& body) {
    auto give_up = clock::now() + cluster.client_timeout;
    auto lose_patience = clock::now() + cluster.client_patience;
    backoff wait{cluster.links.backoff_min, cluster.links.backoff_max};
    auto& first = kind == message_kind::query ? preferred_reader : preferred;
    std::size_t index;
    {
      std::lock_guard lock{mutex};
      index = first;
    }
    auto in_doubt = false;
    for (std::size_t hops = 0;; ++hops) {
      auto answer = attempt(index, kind, body);
      if (answer.value) {
        std::lock_guard lock{mutex};
        first = index;
        return std::move(*answer.value);
      }
      in_doubt = in_doubt || answer.in_doubt;
      auto& problem = answer.value.error();
      auto now = clock::now();
      if (problem.code == errc::invalid || problem.code == errc::corrupt ||
          (problem.code == errc::refused && now >= lose_patience))
        return tl::unexpected{problem};
      if (now >= give_up)
        return fail(in_doubt ? errc::timeout : errc::unavailable,
                    fmt::format("no master could do it within {} ms; the last one said: {}{}",
                                cluster.client_timeout / std::chrono::milliseconds{1},
                                problem.message,
                                in_doubt ? "; it may have happened all the same" : ""));
      if (auto leader = master_at(answer.hint); leader && *leader != index && hops % 3 != 2) {
        index = *leader;
        continue; // straight on: it is known where to go
      }
      if (problem.code != errc::refused && problem.code != errc::busy)
        index = (index + 1) % cluster.masters.size();
      // The first time round all masters are tried without a pause.
      if (hops + 1 >= cluster.masters.size() || problem.code == errc::refused)
        wait.sleep();
    }
  }

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

control::~control() {
  impl_->handles.clear();
}

atl::result<std::string> control::submit(action what) {
  auto session = impl_->take_session();
  command next{session.id, ++session.sequence, now_us(), std::move(what)};
  auto answer = impl_->call(message_kind::command, encode(next));
  if (answer) {
    auto outcome = decode_answer<answers::changed>(*answer);
    if (!outcome && is_session_expired(outcome.error()) && session.sequence > 1) {
      // Idle for long: this is the command's first attempt, so a new session can't repeat it.
      next.session = random_session();
      session = {next.session, next.sequence = 1};
      answer = impl_->call(message_kind::command, encode(next));
    }
  }
  if (answer)
    impl_->give_back(session);
  return answer; // a session with a command in doubt is not used again
}

atl::result<std::string> control::query(std::string question) {
  return impl_->call(message_kind::query, question);
}

atl::status control::change_members(std::vector<atl::spi::replica_id> voters,
                                    std::vector<atl::spi::replica_id> learners) {
  auto wanted = encode(atl::runtime::change_members{std::move(voters), std::move(learners)});
  return impl_->call(message_kind::members, wanted).map([](auto&&) {});
}

atl::status control::transfer_leadership(atl::spi::replica_id to) {
  atl::spi::writer wanted;
  wanted.put(to);
  return impl_->call(message_kind::transfer, wanted.take()).map([](auto&&) {});
}

atl::result<std::string> control::call(protocol::kind kind, std::string body) {
  return impl_->call(static_cast<message_kind>(kind), body);
}

std::vector<atl::result<std::string>> control::call_each(protocol::kind kind) {
  std::vector<atl::result<std::string>> answers;
  for (std::size_t i = 0; i < impl_->cluster.masters.size(); ++i)
    answers.push_back(impl_->attempt(i, static_cast<message_kind>(kind), {}).value);
  return answers;
}

} // namespace dfs
