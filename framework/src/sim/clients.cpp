#include "clients.hpp"

#include <algorithm>

namespace atl::sim {

clients::clients(simulator& sim) : simulator_{sim} {
  simulator_.on_client = [this](auto arg) { on_client(arg); };
  simulator_.on_answer = [this](auto& owner, auto what) { on_answer(owner, std::move(what)); };
  simulator_.on_response = [this](auto place) { on_response(place); };
  auto& chance = simulator_.faults();
  // Few keys cause conflicts, many keys spread the load: a run has one or the other.
  auto most = std::max(1U, simulator_.options().workload.keys);
  keys_ = 1 + static_cast<std::uint32_t>(chance.stream(purpose::workload).below(most));
  for (std::uint32_t i = 0; i < simulator_.options().workload.clients; ++i) {
    clients_.push_back({chance.stream(purpose::client, i),
                        chance.point(fault_kind::lost_answers, i + 1), ++sessions_});
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
  auto& work = simulator_.options().workload;
  auto& client = clients_[index];
  auto& random = client.random;
  auto registers = std::max(1U, keys_ / 2);
  client.current = {};
  client.current.client = client.session;
  client.current.key = random.below(keys_);
  client.current.invoked = simulator_.now();
  auto counter = client.current.key >= registers;
  // Every second client rarely writes, so that reads happen while writes wait.
  if (random.chance(index % 2 == 0 ? work.reads : std::max(work.reads, 0.9))) {
    client.current.kind = operation_kind::read;
  } else if (counter) {
    client.current.kind = operation_kind::add;
    client.current.argument = random.between(1, 3);
  } else {
    client.current.kind = random.chance(0.7) ? operation_kind::write : operation_kind::cas;
    client.current.argument = ++values_;
    if (client.current.kind == operation_kind::cas && random.chance(0.9))
      client.current.expected = std::max<std::int64_t>(1, values_ - random.between(1, 8));
  }
  client.busy = true;
  client.attempts_open = 0;
  client.first_attempt = attempts_ + 1;
  ++client.sequence;
  client.give_up_at = simulator_.now() + work.give_up.count();
  simulator_.trace("client {} begins operation {} of session {}", index + 1, client.sequence,
                   client.session);
  attempt(index);
}

void clients::attempt(std::size_t index) {
  auto& client = clients_[index];
  auto& work = simulator_.options().workload;
  ++client.turn;
  ++client.attempts_open;
  client.attempt = ++attempts_;
  request_owner owner{index + 1, client.attempt, 0, client.current.key};
  auto is_read = client.current.kind == operation_kind::read;
  auto to = client.target;
  std::optional<std::string> command;
  if (is_read) {
    if (client.random.chance(0.5))
      to = draw_replica(client);
  } else {
    owner.tag = client.attempt;
    command =
        encode({client.attempt, client.session, client.sequence, client.current.key,
                client.current.kind, client.current.argument.value_or(0), client.current.expected},
               work.payload);
  }
  if (simulator_.tracing()) // the description costs more than the rest of this function
    simulator_.trace("client {} asks replica {}: {} (attempt {})", index + 1, to,
                     command ? describe_command(*command)
                             : fmt::format("read k{}", client.current.key),
                     client.attempt);
  simulator_.request_at(simulator_.now() + one_way_delay(client), to, owner,
                        spi::read_level::linearizable, std::move(command));
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
    client.current.result = arrived.what.result.result;
    client.current.matched = arrived.what.result.matched;
    ++client.answered;
    return finish(index, operation_outcome::ok);
  case answer_kind::refused:
    --client.attempts_open;
    break;
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

void clients::finish(std::size_t index, operation_outcome outcome) {
  auto& client = clients_[index];
  auto& stats = simulator_.stats();
  client.busy = false;
  client.current.outcome = outcome;
  client.current.returned = simulator_.now();
  history_.push_back(client.current);
  simulator_.trace("client {} has done: {}", index + 1, to_string(client.current));
  if (outcome == operation_outcome::ok) {
    ++stats.answered;
  } else if (outcome == operation_outcome::failed) {
    ++stats.failed;
  } else {
    ++stats.unknown;
    client.session = ++sessions_; // the open attempts of the old session may still take effect
    client.sequence = 0;
  }
  ++client.turn;
  if (stopped_)
    return;
  auto think = simulator_.options().workload.think.count();
  wake_at(index, simulator_.now() + client.random.between(0, 2 * think), wake::begin);
}

} // namespace atl::sim
