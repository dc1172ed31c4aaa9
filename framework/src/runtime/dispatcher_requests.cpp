#include "dispatcher_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>

#include <caf/sec.hpp>
#include <fmt/format.h>

#include <optional>
#include <utility>

// The way of requests through a dispatcher's actor.
namespace atl::runtime {

namespace {

/// How an error that a worker answers counts; none: it is an answer like any other.
std::optional<attempt_failure> failure_of(const reply& answer) {
  if (answer.value)
    return std::nullopt;
  if (answer.in_doubt)
    return attempt_failure::failed;
  switch (answer.value.error().code) {
  case errc::busy:
    return attempt_failure::busy;
  case errc::unavailable:
    return attempt_failure::not_delivered;
  case errc::timeout:
  case errc::internal:
  case errc::io:
  case errc::corrupt:
    return attempt_failure::failed;
  case errc::invalid:
  case errc::not_found:
  case errc::exists:
  case errc::refused:
  case errc::no_space:
    break;
  }
  return std::nullopt;
}

/// For a requester that sees no more than the code, as in `dispatcher::completion`.
result<std::string> without_doubt(reply answer) {
  if (answer.value || !answer.in_doubt)
    return std::move(answer.value);
  auto& problem = answer.value.error();
  if (problem.code == errc::unavailable || problem.code == errc::busy)
    problem.code = errc::timeout;
  return std::move(answer.value);
}

/// A requester may name the longest of all durations.
spi::timestamp time_after(spi::timestamp now, std::chrono::microseconds duration) {
  return duration < no_deadline - now ? now + duration : no_deadline;
}

/// The bytes of a request; none: the message is no request.
std::optional<std::uint64_t> bytes_of_request(const caf::message& what) {
  if (what.match_elements<envelope>())
    return what.get_as<envelope>(0).body.size();
  if (what.match_elements<dispatch_order_message>())
    return what.get_as<dispatch_order_message>(0).order->body.size();
  if (what.match_elements<dispatch_call>())
    return what.get_as<dispatch_call>(0).message.body.size();
  if (what.match_elements<dispatch_job>())
    return what.get_as<dispatch_job>(0).message.body.size();
  return std::nullopt;
}

/// Answers a request that the actor doesn't get. A message whose sender wants no answer is dropped.
void refuse_arrival(caf::mailbox_element& what, const error& problem, enqueue_context* host) {
  if (what.payload.match_elements<dispatch_order_message>())
    return what.payload.get_as<dispatch_order_message>(0).order->finish(tl::unexpected{problem});
  if (!what.mid.is_request())
    return;
  auto stages = std::move(what.stages);
  auto to = what.sender;
  if (!stages.empty()) {
    to = stages.back();
    stages.pop_back();
  }
  if (to)
    to->enqueue(caf::make_mailbox_element(
                    nullptr, what.mid.response_id(), std::move(stages),
                    caf::make_message(make_reply({tl::unexpected{problem}, {}, false}))),
                host);
}

} // namespace

bool dispatcher_actor::enqueue(caf::mailbox_element_ptr what, enqueue_context* host) {
  auto bytes = what->mid.is_response() ? std::nullopt : bytes_of_request(what->payload);
  if (!bytes || arrivals_.enter(*bytes))
    return caf::event_based_actor::enqueue(std::move(what), host);
  refuse_arrival(*what,
                 {errc::busy, fmt::format("too many requests have arrived that the dispatcher '{}' "
                                          "hasn't taken yet; try again later",
                                          settings_.name)},
                 host);
  return true;
}

caf::result<envelope> dispatcher_actor::accept(dispatch_type type, envelope& message,
                                               const dispatch_terms& terms) {
  auto promise = make_response_promise();
  submit({type, message.kind, std::move(message.body), promise, nullptr}, terms);
  return promise;
}

void dispatcher_actor::accept(std::shared_ptr<dispatch_order> order) {
  auto terms = order->terms;
  call what{order->type, order->kind, std::move(order->body), std::nullopt, std::move(order)};
  submit(std::move(what), terms);
}

void dispatcher_actor::submit(call what, const dispatch_terms& terms) {
  auto arrived = now();
  dispatch_request request;
  request.key = terms.key;
  request.repeatable = terms.repeatable;
  request.bytes = what.body.size();
  request.among = terms.among;
  if (terms.deadline)
    request.deadline = time_after(arrived, *terms.deadline);
  else if (what.type == dispatch_type::request)
    request.deadline = time_after(arrived, settings_.deadline);
  auto order = what.order;
  auto id = core_->submit(request, arrived);
  calls_.emplace(id, std::move(what));
  step();
  if (order && order->accepted && calls_.contains(id))
    order->accepted();
}

void dispatcher_actor::carry_out(const send_attempt& effect) {
  auto to = workers_.find(effect.worker);
  if (to == workers_.end())
    return; // the worker left after this was decided, and the attempt has failed already
  auto& what = calls_.at(effect.request);
  if (to->second.what.local)
    send_local(effect.attempt, to->second, what);
  else
    send_remote(effect.attempt, to->second, what);
}

void dispatcher_actor::send_local(std::uint64_t attempt, const worker& to, const call& what) {
  worker_key key{to.what.id, to.generation};
  ask(this, to.what.local, caf::infinite, envelope{what.kind, digest_, what.body, to.what.role})
      .then([this, attempt](envelope& answer) { on_answer(attempt, std::move(answer.body)); },
            [this, attempt, key](const caf::error& problem) { on_problem(attempt, key, problem); });
}

/// The answer to a job only says that it was accepted.
void dispatcher_actor::send_remote(std::uint64_t attempt, const worker& to, const call& what) {
  auto is_job = what.type == dispatch_type::job;
  worker_key key{to.what.id, to.generation};
  auto body = is_job ? encode(deferred_call{job_ids_ + attempt, what.kind, what.body}) : what.body;
  ask(this, to.connection.connection(), caf::infinite,
      envelope{is_job ? message_kind::deferred : what.kind, digest_, std::move(body), to.what.role})
      .then(
          [this, attempt, is_job](envelope& answer) {
            if (!is_job || !decode_reply(answer.body).value)
              on_answer(attempt, std::move(answer.body));
          },
          [this, attempt, key](const caf::error& problem) { on_problem(attempt, key, problem); });
}

void dispatcher_actor::on_answer(std::uint64_t attempt, std::string bytes) {
  auto problem = is_value(bytes) ? reply{} : decode_reply(bytes);
  if (auto how = failure_of(problem)) {
    core_->on_failure(attempt, *how, std::move(problem.value.error()), now());
  } else {
    answer_ = std::move(bytes);
    core_->on_answer(attempt, now());
  }
  step();
}

/// A worker that has ended fails all its attempts, and that counts once.
void dispatcher_actor::on_problem(std::uint64_t attempt, const worker_key& worker,
                                  const caf::error& problem) {
  if (problem == caf::sec::request_receiver_down)
    on_ended(worker);
  core_->on_failure(attempt, attempt_failure::failed,
                    {errc::unavailable, "the worker didn't answer: " + describe_failure(problem)},
                    now());
  step();
}

/// A connection gives each completion to all workers at its node. It counts for the one that was
/// sent the job, so that no node completes the job of another.
void dispatcher_actor::on_completion(const envelope_from_peer& what) {
  auto from = peers_.find(what.peer);
  if (from == peers_.end() || what.message.kind != message_kind::completion)
    return;
  auto done = decode_completion(what.message.body);
  if (!done || done->id >> 40 != job_ids_ >> 40)
    return;
  auto attempt = done->id - job_ids_;
  if (core_->worker_of(attempt) == from->second)
    on_answer(attempt, encode(done->outcome));
}

void dispatcher_actor::carry_out(const complete_request& effect) {
  auto ended = calls_.extract(effect.request);
  auto& it = ended.mapped();
  auto problem =
      effect.problem ? reply{tl::unexpected{*effect.problem}, {}, effect.in_doubt} : reply{};
  if (it.promise)
    it.promise->deliver(effect.problem ? make_reply(problem)
                                       : envelope{message_kind::reply, 0, std::move(answer_)});
  else if (it.order->done)
    it.order->finish(without_doubt(effect.problem ? std::move(problem) : decode_reply(answer_)));
}

} // namespace atl::runtime
