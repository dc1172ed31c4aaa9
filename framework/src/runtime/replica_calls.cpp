#include "replica_drive.hpp"

#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

// What clients ask of a replica, and what they are answered.
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
    from.applied = applied_;
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
  if (commands_.size() >= replica_requests_max || delivered_ - applied_ > replica_backlog_max)
    return answer(from, error_reply(errc::busy, "too many commands are waiting; try again"));
  if (auto refusal = refuse_for_space(command))
    return answer(from, *refusal);
  auto id = ++next_request_;
  commands_.emplace(id, waiting_command{std::move(from), now()});
  settings_.machine->stamp(command, clock_.next(wall_clock(), now()));
  drive([&](auto& protocol) { protocol.propose(id, std::move(command)); });
}

void replica_actor::begin_read(std::string query, requester from, spi::read_level level) {
  if (!serving_)
    return answer(from, error_reply(errc::unavailable, "this replica has stopped"));
  if (reads_.size() + ready_reads_.size() + queries_.size() >= replica_requests_max)
    return answer(from, error_reply(errc::busy, "too many reads are waiting; try again"));
  auto id = ++next_request_;
  reads_.emplace(id, waiting_read{std::move(query), std::move(from)});
  drive([&](auto& protocol) { protocol.read(id, level); });
}

caf::result<envelope> replica_actor::change(change_members& request) {
  auto promise = make_response_promise<envelope>();
  requester from{promise, nullptr, 0};
  if (!serving_) {
    answer(from, error_reply(errc::unavailable, "this replica has stopped"));
    return promise;
  }
  auto id = id_of_change(request);
  auto is_repeated = commands_.contains(id);
  commands_.emplace(id, waiting_command{std::move(from), now()});
  drive([&](auto& protocol) {
    for (auto lost : request.lost)
      protocol.declare_lost(lost);
    if (!is_repeated)
      protocol.reconfigure(id, std::move(request.voters), std::move(request.learners));
  });
  return promise;
}

/// A client that waits for long asks again for the change that is still under way; the repeated
/// request shares the answer of the first.
spi::request_id replica_actor::id_of_change(change_members& request) {
  std::sort(request.voters.begin(), request.voters.end());
  std::sort(request.learners.begin(), request.learners.end());
  auto is_free = !commands_.contains(change_.id);
  if (!is_free && change_.voters == request.voters && change_.learners == request.learners)
    return change_.id;
  auto id = ++next_request_;
  if (is_free)
    change_ = {id, request.voters, request.learners};
  return id;
}

envelope replica_actor::transfer(spi::replica_id to) {
  if (!serving_)
    return make_reply(error_reply(errc::unavailable, "this replica has stopped"));
  auto leader = settings_.protocol->status().leader;
  if (leader != settings_.self.replica)
    return make_reply(error_reply(errc::unavailable, "this replica doesn't lead", leader));
  drive([&](auto& protocol) { protocol.transfer(to); });
  return make_reply({std::string{}, {}, false});
}

void replica_actor::answer(const requester& to, const reply& what) {
  if (to.client)
    answers_[to.client].push_back({to.call, what});
  else
    promise{to.single}.deliver(make_reply(what));
}

/// Those of a client that are there together go together.
void replica_actor::send_answers() {
  for (auto& [client, list] : answers_) {
    std::vector<client_answer> together;
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

void replica_actor::finish_command(spi::request_id id, const reply& what) {
  auto [first, last] = commands_.equal_range(id);
  for (auto waiting = first; waiting != last; ++waiting) {
    auto took = static_cast<std::uint64_t>((now() - waiting->second.since).count());
    ++metrics_.commits;
    ++metrics_.latency[std::min<std::size_t>(std::bit_width(took), metrics_.latency.size() - 1)];
    answer(waiting->second.from, what);
  }
  commands_.erase(first, last);
}

/// Hands the queries whose time has come to the state machine, all together.
void replica_actor::release_reads() {
  std::vector<state_runner::query_request> asked;
  while (!ready_reads_.empty() && ready_reads_.begin()->first <= applied_) {
    auto& read = ready_reads_.begin()->second;
    auto id = ++next_request_;
    queries_.emplace(id, std::move(read.from));
    asked.push_back({id, std::move(read.query)});
    ready_reads_.erase(ready_reads_.begin());
  }
  if (!asked.empty())
    runner_->query(std::move(asked));
}

void replica_actor::on_queries_answered(queries_answered& done) {
  for (auto& [id, text] : done.answers) {
    auto waiting = queries_.find(id);
    if (waiting == queries_.end())
      continue;
    ++metrics_.reads;
    if (auto applied = waiting->second.applied)
      text = encode(local_response{*applied, std::move(text)});
    answer(waiting->second, {std::move(text), {}, false});
    queries_.erase(waiting);
  }
  send_answers();
}

void replica_actor::on_entries_applied(entries_applied& done) {
  applied_ = done.index;
  clock_.observe(settings_.machine->latest_stamp(), now());
  for (auto& [id, text] : done.answers)
    finish_command(id, {std::move(text), {}, false});
  ++metrics_.applied_batches;
  send_answers();
  release_reads();
}

reply replica_actor::error_reply(errc code, std::string why, spi::replica_id hint, bool in_doubt) {
  reply answer{fail(code, std::move(why)), {}, in_doubt};
  for (auto& peer : settings_.group)
    if (peer.id == hint)
      answer.hint = to_string(peer.where);
  return answer;
}

} // namespace atl::runtime
