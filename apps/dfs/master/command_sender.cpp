#include "master/command_sender.hpp"

#include "common/clock.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/random.hpp>

#include <string_view>
#include <utility>

namespace dfs {

command_sender::command_sender(caf::event_based_actor* self, caf::actor replica, std::uint64_t seed,
                               std::chrono::milliseconds timeout)
    : self_{self}, replica_{std::move(replica)}, timeout_{timeout} {
  atl::spi::random_source random{seed};
  session_ = {random.next(), random.next()};
}

void command_sender::send(action what, reply done) {
  queue_.push_back({std::move(what), std::move(done)});
  if (!is_busy_)
    send_next();
}

void command_sender::send_next() {
  if (queue_.empty() || !replica_)
    return;
  is_busy_ = true;
  auto next = std::move(queue_.front());
  queue_.pop_front();
  command message{session_, ++sequence_, now_us(), std::move(next.what)};
  atl::runtime::ask(self_, replica_, timeout_, atl::runtime::submit_command{encode(message)})
      .then(
          [this, done = next.done](const atl::runtime::envelope& reply) {
            auto answer = atl::runtime::decode_reply(reply.body);
            // The session of a master that was idle for long has expired, as for any client.
            if (answer.value && atl::is_session_expired(std::string_view{*answer.value})) {
              session_.low += 1;
              sequence_ = 0;
            }
            finish(done, std::move(answer.value));
          },
          [this, done = next.done](const caf::error& problem) {
            finish(done,
                   atl::fail(atl::errc::timeout, "the replica didn't answer: " +
                                                     atl::runtime::describe_failure(problem)));
          });
}

void command_sender::finish(const reply& done, atl::result<std::string> answer) {
  is_busy_ = false;
  done(std::move(answer));
  if (!is_busy_)
    send_next();
}

} // namespace dfs
