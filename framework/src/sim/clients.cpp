#include "clients.hpp"

#include <algorithm>

namespace atl::sim {

clients::clients(simulator& sim) : simulator_{sim} {
  simulator_.on_client = [this](auto arg) { on_client(arg); };
  simulator_.on_answer = [this](auto& owner, auto what) { on_answer(owner, std::move(what)); };
  simulator_.on_response = [this](auto place) { on_response(place); };
  auto& chance = simulator_.faults();
  for (std::uint32_t i = 0; i < simulator_.options().workload.clients; ++i) {
    clients_.push_back(
        {chance.stream(purpose::client, i), chance.point(fault_kind::lost_answers, i + 1)});
    auto& client = clients_.back();
    client.target = draw_replica(client);
    wake_at(i, simulator_.now() + client.random.between(1'000, 400'000), wake::begin);
  }
}

bool clients::each_was_answered(std::uint32_t times) const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [times](auto& client) { return client.answered >= times; });
}

void clients::reset_answer_counts() {
  for (auto& client : clients_)
    client.answered = 0;
}

void clients::stop() {
  stopped_ = true;
  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (clients_[i].busy)
      finish(i, operation_outcome::unknown);
}

void clients::wake_at(std::size_t index, std::int64_t at, wake why) {
  auto arg = (clients_[index].turn << 24) | (index << 2) | static_cast<std::uint64_t>(why);
  simulator_.at_time(at, event_kind::client, 0, 0, arg);
}

spi::replica_id clients::draw_replica(client& of) {
  return static_cast<spi::replica_id>(1 + of.random.below(simulator_.replicas()));
}

/// One-way delay between a client and a replica, in microseconds.
std::int64_t clients::one_way_delay(client& of) {
  auto& rates = simulator_.rates();
  return rates.delay_min + of.random.between(0, rates.delay_jitter + 1);
}

void clients::on_client(std::uint64_t arg) {
  auto index = static_cast<std::size_t>((arg >> 2) & 0x3fffff);
  auto& client = clients_[index];
  if (stopped_ || (arg >> 24) != client.turn)
    return;
  auto why = static_cast<wake>(arg & 3);
  if (why == wake::begin)
    return begin(index);
  if (!client.busy)
    return;
  if (simulator_.now() >= client.give_up_at)
    return finish(index, client.attempts_open == 0 ? operation_outcome::failed
                                                   : operation_outcome::unknown);
  if (why == wake::timeout) // another replica may answer
    client.target = draw_replica(client);
  attempt(index);
}

void clients::begin(std::size_t index) {
  auto& client = clients_[index];
  simulator_.service().begin(index, client.random, simulator_.now());
  client.busy = true;
  client.attempts_open = 0;
  client.first_attempt = attempts_ + 1;
  client.give_up_at = simulator_.now() + simulator_.options().workload.give_up.count();
  if (simulator_.tracing())
    simulator_.trace("client {} begins {}", index + 1,
                     simulator_.service().name_of_operation(index));
  attempt(index);
}

void clients::attempt(std::size_t index) {
  auto& client = clients_[index];
  auto& work = simulator_.options().workload;
  auto& service = simulator_.service();
  ++client.turn;
  ++client.attempts_open;
  client.attempt = ++attempts_;
  auto wanted = service.attempt(index, client.attempt);
  request_owner owner{index + 1, client.attempt, wanted.tag, wanted.query};
  auto to = client.target;
  if (!wanted.command && client.random.chance(0.5))
    to = draw_replica(client);
  if (simulator_.tracing()) // the description costs more than the rest of this function
    simulator_.trace("client {} asks replica {}: {} (attempt {})", index + 1, to,
                     wanted.command ? service.describe_command(*wanted.command)
                                    : service.describe_query(wanted.query),
                     client.attempt);
  simulator_.request_at(simulator_.now() + one_way_delay(client), to, owner,
                        spi::read_level::linearizable, std::move(wanted.command));
  auto timeout = work.attempt_timeout.count();
  wake_at(index, simulator_.now() + timeout / 2 + client.random.between(0, timeout), wake::timeout);
}

void clients::on_answer(const request_owner& owner, answer what) {
  if (owner.client == script_client)
    return;
  auto& client = clients_[owner.client - 1];
  if (simulator_.should_inject(client.lost_answers, simulator_.rates().lost_answer))
    return simulator_.trace("the answer to attempt {} of client {} gets lost", owner.attempt,
                            owner.client);
  auto place = responses_.put({owner, std::move(what)});
  simulator_.at_time(simulator_.now() + one_way_delay(client), event_kind::response, 0, 0, place);
}

void clients::on_response(std::uint64_t place) {
  auto arrived = responses_.take(place);
  auto index = static_cast<std::size_t>(arrived.owner.client - 1);
  auto& client = clients_[index];
  if (!client.busy || arrived.owner.attempt < client.first_attempt)
    return; // the answer belongs to an earlier operation
  auto newest = arrived.owner.attempt == client.attempt;
  switch (arrived.what.kind) {
  case answer_kind::applied:
  case answer_kind::read:
    ++client.answered;
    return finish(index, operation_outcome::ok, arrived.what);
  case answer_kind::refused:
    --client.attempts_open;
    if (!arrived.what.is_final)
      break;
    ++client.answered;
    return finish(index, client.attempts_open == 0 ? operation_outcome::failed
                                                   : operation_outcome::unknown);
  case answer_kind::unknown:
  case answer_kind::lost:
  case answer_kind::pending:
    break;
  }
  if (!newest)
    return;
  client.target = arrived.what.hint != 0 ? arrived.what.hint : draw_replica(client);
  ++client.turn;
  auto pause = arrived.what.hint != 0 ? 1'000 : client.random.between(5'000, 200'000);
  wake_at(index, simulator_.now() + pause, wake::again);
}

void clients::finish(std::size_t index, operation_outcome outcome, const answer& reply) {
  auto& client = clients_[index];
  auto& stats = simulator_.stats();
  auto& service = simulator_.service();
  client.busy = false;
  service.finish(index, outcome, reply, simulator_.now());
  if (simulator_.tracing())
    simulator_.trace("client {} has done: {}", index + 1, service.describe_outcome(index));
  ++(outcome == operation_outcome::ok       ? stats.answered
     : outcome == operation_outcome::failed ? stats.failed
                                            : stats.unknown);
  ++client.turn;
  if (stopped_)
    return;
  auto think = simulator_.options().workload.think.count();
  wake_at(index, simulator_.now() + client.random.between(0, 2 * think), wake::begin);
}

} // namespace atl::sim
