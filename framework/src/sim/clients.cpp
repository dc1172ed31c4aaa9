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
    auto& it = clients_.back();
    it.target = anyone(it);
    wake_at(i, simulator_.now() + it.random.between(1'000, 400'000), wake::begin);
  }
}

bool clients::each_was_answered(std::uint32_t times) const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [times](auto& it) { return it.answered >= times; });
}

void clients::count_anew() {
  for (auto& it : clients_)
    it.answered = 0;
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

spi::replica_id clients::anyone(client& of) {
  return static_cast<spi::replica_id>(1 + of.random.below(simulator_.replicas()));
}

/// One-way delay between a client and a replica, in microseconds.
std::int64_t clients::trip(client& of) {
  auto& rates = simulator_.rates();
  return rates.delay_min + of.random.between(0, rates.delay_jitter + 1);
}

void clients::on_client(std::uint64_t arg) {
  auto index = static_cast<std::size_t>((arg >> 2) & 0x3fffff);
  auto& it = clients_[index];
  if (stopped_ || (arg >> 24) != it.turn)
    return;
  auto why = static_cast<wake>(arg & 3);
  if (why == wake::begin)
    return begin(index);
  if (!it.busy)
    return;
  if (simulator_.now() >= it.give_up_at)
    return finish(index,
                  it.attempts_open == 0 ? operation_outcome::failed : operation_outcome::unknown);
  if (why == wake::timeout) // somewhere else, perhaps
    it.target = anyone(it);
  attempt(index);
}

void clients::begin(std::size_t index) {
  auto& work = simulator_.options().workload;
  auto& it = clients_[index];
  auto& random = it.random;
  auto registers = std::max(1U, keys_ / 2);
  it.current = {};
  it.current.client = it.session;
  it.current.key = random.below(keys_);
  it.current.invoked = simulator_.now();
  auto counter = it.current.key >= registers;
  // Every second client rarely writes, so that reads happen while writes wait.
  if (random.chance(index % 2 == 0 ? work.reads : std::max(work.reads, 0.9))) {
    it.current.kind = operation_kind::read;
  } else if (counter) {
    it.current.kind = operation_kind::add;
    it.current.argument = random.between(1, 3);
  } else {
    it.current.kind = random.chance(0.7) ? operation_kind::write : operation_kind::cas;
    it.current.argument = ++values_;
    if (it.current.kind == operation_kind::cas && random.chance(0.9))
      it.current.expected = std::max<std::int64_t>(1, values_ - random.between(1, 8));
  }
  it.busy = true;
  it.attempts_open = 0;
  it.first_attempt = attempts_ + 1;
  ++it.sequence;
  it.give_up_at = simulator_.now() + work.give_up.count();
  simulator_.trace("client {} begins operation {} of session {}", index + 1, it.sequence,
                   it.session);
  attempt(index);
}

void clients::attempt(std::size_t index) {
  auto& it = clients_[index];
  auto& work = simulator_.options().workload;
  ++it.turn;
  ++it.attempts_open;
  it.attempt = ++attempts_;
  request_owner owner{index + 1, it.attempt, 0, it.current.key};
  auto is_read = it.current.kind == operation_kind::read;
  auto to = it.target;
  std::optional<std::string> command;
  if (is_read) {
    if (it.random.chance(0.5))
      to = anyone(it);
  } else {
    owner.tag = it.attempt;
    command = encode({it.attempt, it.session, it.sequence, it.current.key, it.current.kind,
                      it.current.argument.value_or(0), it.current.expected},
                     work.payload);
  }
  if (simulator_.tracing()) // the description costs more than all else here
    simulator_.trace("client {} asks replica {}: {} (attempt {})", index + 1, to,
                     command ? describe_command(*command) : fmt::format("read k{}", it.current.key),
                     it.attempt);
  simulator_.request_at(simulator_.now() + trip(it), to, owner, spi::read_level::linearizable,
                        std::move(command));
  auto timeout = work.attempt_timeout.count();
  wake_at(index, simulator_.now() + timeout / 2 + it.random.between(0, timeout), wake::timeout);
}

void clients::on_answer(const request_owner& owner, answer what) {
  if (owner.client == script_client)
    return;
  auto& it = clients_[owner.client - 1];
  if (simulator_.should_inject(it.lost_answers, simulator_.rates().lost_answer))
    return simulator_.trace("the answer to attempt {} of client {} gets lost", owner.attempt,
                            owner.client);
  auto place = responses_.put({owner, std::move(what)});
  simulator_.at_time(simulator_.now() + trip(it), event_kind::response, 0, 0, place);
}

void clients::on_response(std::uint64_t place) {
  auto got = responses_.take(place);
  auto index = static_cast<std::size_t>(got.owner.client - 1);
  auto& it = clients_[index];
  if (!it.busy || got.owner.attempt < it.first_attempt)
    return; // to an operation that is over
  auto newest = got.owner.attempt == it.attempt;
  switch (got.what.kind) {
  case answer_kind::applied:
  case answer_kind::read:
    it.current.result = got.what.result.result;
    it.current.matched = got.what.result.matched;
    ++it.answered;
    return finish(index, operation_outcome::ok);
  case answer_kind::refused:
    --it.attempts_open;
    break;
  case answer_kind::unknown:
  case answer_kind::lost:
  case answer_kind::pending:
    break;
  }
  if (!newest)
    return;
  it.target = got.what.hint != 0 ? got.what.hint : anyone(it);
  ++it.turn;
  auto pause = got.what.hint != 0 ? 1'000 : it.random.between(5'000, 200'000);
  wake_at(index, simulator_.now() + pause, wake::again);
}

void clients::finish(std::size_t index, operation_outcome outcome) {
  auto& it = clients_[index];
  auto& stats = simulator_.stats();
  it.busy = false;
  it.current.outcome = outcome;
  it.current.returned = simulator_.now();
  history_.push_back(it.current);
  simulator_.trace("client {} has done: {}", index + 1, to_string(it.current));
  if (outcome == operation_outcome::ok) {
    ++stats.answered;
  } else if (outcome == operation_outcome::failed) {
    ++stats.failed;
  } else {
    ++stats.unknown;
    it.session = ++sessions_; // what is left of it may come at any time
    it.sequence = 0;
  }
  ++it.turn;
  if (stopped_)
    return;
  auto think = simulator_.options().workload.think.count();
  wake_at(index, simulator_.now() + it.random.between(0, 2 * think), wake::begin);
}

} // namespace atl::sim
