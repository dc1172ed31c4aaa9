#include "node/job_actor.hpp"

#include "common/actor_messages.hpp"
#include "common/master_protocol.hpp"

#include <atoll/runtime/caf.hpp>

#include <utility>

namespace dfs {

namespace {

using atl::runtime::envelope;
using atl::runtime::message_kind;

envelope error_reply(atl::error problem) {
  return atl::runtime::make_reply({tl::unexpected{std::move(problem)}, {}, false});
}

} // namespace

job_actor::job_actor(caf::actor_config& config, std::shared_ptr<piece_runner> pieces)
    : caf::event_based_actor{config}, pieces_{std::move(pieces)} {}

void job_actor::on_exit() {
  pieces_.reset();
  calls_.clear();
}

caf::behavior job_actor::make_behavior() {
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](piece_ended& ended) {
        if (auto call = calls_.extract(ended.call))
          call.mapped().deliver(envelope{message_kind::reply, 0, std::move(ended.reply)});
      },
  };
}

caf::result<envelope> job_actor::on_envelope(const envelope& message) {
  if (static_cast<protocol::kind>(message.kind) == protocol::kind::cancel_job) {
    auto request = job::decode_cancel_request(message.body);
    if (!request)
      return error_reply(request.error());
    auto answer = make_response_promise<envelope>();
    pieces_->cancel(request->job, [done = make_completion(answer)] { done(std::string{}); });
    return answer;
  }
  auto request = job::decode_piece_request(message.body);
  if (!request)
    return error_reply(request.error());
  auto answer = make_response_promise<envelope>();
  pieces_->run(std::move(*request), make_completion(answer));
  return answer;
}

/// Called by a thread of the runner, and a promise belongs to its actor.
std::function<void(atl::result<std::string>)> job_actor::make_completion(promise answer) {
  auto call = ++last_call_;
  calls_.emplace(call, std::move(answer));
  return [self = caf::actor_cast<caf::actor_addr>(this), call](atl::result<std::string> outcome) {
    if (auto alive = caf::actor_cast<caf::actor>(self))
      atl::runtime::tell_from_outside(
          alive, piece_ended{call, atl::runtime::encode(
                                       atl::runtime::reply{std::move(outcome), {}, false})});
  };
}

} // namespace dfs
