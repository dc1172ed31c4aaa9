#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

// Requests of clients, and the replies to them.
namespace atl::runtime {

namespace {

std::chrono::microseconds wall_clock() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

} // namespace

caf::result<envelope> replica_actor::submit(submit_command& request) {
  auto promise = make_response_promise<envelope>();
  begin_command(std::move(request.command), {promise, nullptr, 0});
  return promise;
}

caf::result<envelope> replica_actor::on_query(query_state& request) {
  auto promise = make_response_promise<envelope>();
  requester from{promise, nullptr, 0};
  if (request.level == spi::read_level::local)
    from.applied = driver_.applied();
  begin_read(std::move(request.query), std::move(from), request.level);
  return promise;
}

void replica_actor::take_calls(client_calls& request) {
  auto client = caf::actor_cast<caf::actor>(current_sender());
  if (!client)
    return;
  for (auto& call : request.calls)
    if (call.kind == message_kind::command)
      begin_command(std::move(call.body), {{}, client, call.id});
    else
      begin_read(std::move(call.body), {{}, client, call.id}, spi::read_level::linearizable);
  send_answers();
}

void replica_actor::begin_command(std::string command, requester from) {
  if (!serving_)
    return answer(from, error_reply(errc::unavailable, "this replica has stopped"));
  if (command.size() > command_bytes_max)
    return answer(from, error_reply(errc::invalid,
                                    fmt::format("a command of {} bytes is above the limit of {}",
                                                command.size(), command_bytes_max)));
  if (driver_.proposals() >= replica_requests_max ||
      driver_.delivered() - driver_.applied() > replica_backlog_max)
    return answer(from, error_reply(errc::busy, "too many commands are waiting; try again"));
  if (auto refusal = refuse_for_space(command))
    return answer(from, *refusal);
  clock_.observe(settings_.machine->latest_stamp(), now()); // before the first entry is applied
  settings_.machine->stamp(command, clock_.next(wall_clock(), now()));
  runner_->prepare(command);
  driver_.propose(requests_.put({std::move(from), now(), {}}), std::move(command));
}

void replica_actor::begin_read(std::string query, requester from, spi::read_level level) {
  if (!serving_)
    return answer(from, error_reply(errc::unavailable, "this replica has stopped"));
  if (requests_.size() - driver_.proposals() >= replica_requests_max)
    return answer(from, error_reply(errc::busy, "too many reads are waiting; try again"));
  driver_.read(requests_.put({std::move(from), now(), std::move(query)}), level);
}

caf::result<envelope> replica_actor::change(change_members& request) {
  auto promise = make_response_promise<envelope>();
  requester from{promise, nullptr, 0};
  if (!serving_) {
    answer(from, error_reply(errc::unavailable, "this replica has stopped"));
    return promise;
  }
  std::sort(request.voters.begin(), request.voters.end());
  std::sort(request.learners.begin(), request.learners.end());
  if (change_ && change_->voters == request.voters && change_->learners == request.learners) {
    change_->repeated.push_back(std::move(from));
    driver_.call([&](auto& protocol) {
      for (auto lost : request.lost)
        protocol.declare_lost(lost);
    });
    return promise;
  }
  auto handle = requests_.put({std::move(from), now(), {}});
  if (!change_)
    change_ = {handle, request.voters, request.learners, {}};
  driver_.reconfigure(handle, {std::move(request.voters), std::move(request.learners)},
                      request.lost);
  return promise;
}

envelope replica_actor::transfer(spi::replica_id to) {
  if (!serving_)
    return make_reply(error_reply(errc::unavailable, "this replica has stopped"));
  auto leader = driver_.status().leader;
  if (leader != settings_.role.replica)
    return make_reply(error_reply(errc::unavailable, "this replica doesn't lead", leader));
  driver_.call([&](auto& protocol) { protocol.transfer(to); });
  return make_reply({std::string{}, {}, false});
}

void replica_actor::answer(const requester& to, const runtime::reply& what) {
  if (to.client)
    answers_[to.client].push_back({to.call, what});
  else
    promise{to.single}.deliver(make_reply(what));
}

/// Sends the answers to each client in as few messages as the limits allow.
void replica_actor::send_answers() {
  for (auto& [client, list] : answers_) {
    std::vector<client_response> together;
    std::size_t bytes = 0;
    auto send = [&, &to = client] {
      tell(this, to, envelope{message_kind::answers, 0, encode(together)});
      together.clear();
      bytes = 0;
    };
    for (auto& it : list) {
      bytes += it.answer.value ? it.answer.value->size() : it.answer.value.error().message.size();
      together.push_back(std::move(it));
      if (bytes >= calls_together_bytes || together.size() == calls_together_max)
        send();
    }
    if (!together.empty())
      send();
  }
  answers_.clear();
}

void replica_actor::reply(request_handle to, std::string text) {
  auto request = requests_.take(to);
  auto latency_us = static_cast<std::uint64_t>((now() - request.since).count());
  ++metrics_.commits;
  ++metrics_
        .latency[std::min<std::size_t>(std::bit_width(latency_us), metrics_.latency.size() - 1)];
  finish(to, request.from, {std::move(text), {}, false});
}

void replica_actor::finish(request_handle handle, const requester& from,
                           const runtime::reply& what) {
  answer(from, what);
  if (!change_ || change_->handle != handle)
    return;
  auto change = std::exchange(change_, std::nullopt);
  for (auto& repeated : change->repeated)
    answer(repeated, what);
}

void replica_actor::answer_reads(std::span<const request_handle> reads) {
  std::vector<state_runner::query_request> queries;
  queries.reserve(reads.size());
  for (auto read : reads)
    queries.push_back({read, std::move(*requests_.at(read).query)});
  runner_->query(std::move(queries));
}

void replica_actor::on_queries_answered(queries_answered& done) {
  if (!serving_)
    return; // these queries were answered when the replica stopped
  for (auto& [handle, text] : done.answers) {
    ++metrics_.reads;
    auto from = requests_.take(handle).from;
    if (from.applied)
      text = encode(local_response{*from.applied, std::move(text)});
    answer(from, {std::move(text), {}, false});
  }
  send_answers();
}

void replica_actor::on_entries_applied(entries_applied& done) {
  clock_.observe(settings_.machine->latest_stamp(), now());
  ++metrics_.applied_batches;
  driver_.on_entries_applied(done.index, done.answers);
  send_answers();
}

runtime::reply replica_actor::error_reply(errc code, std::string why, spi::replica_id hint,
                                          bool in_doubt) {
  runtime::reply answer{fail(code, std::move(why)), {}, in_doubt};
  for (auto& peer : settings_.group)
    if (peer.id == hint)
      answer.hint = to_string(peer.where);
  return answer;
}

} // namespace atl::runtime
