#pragma once

#include "master/master_actor.hpp"
#include "namespace/query.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>

#include <chrono>
#include <functional>

namespace dfs {

template <class Query>
void master_actor::query(const Query& what,
                         std::function<void(atl::result<typename Query::response>)> done,
                         std::chrono::milliseconds timeout) {
  using answer_type = typename Query::response;
  atl::runtime::ask(this, settings_.replica, timeout,
                    atl::runtime::query_state{encode(query_message{what})})
      .then(
          [done](const envelope& message) {
            auto answer = atl::runtime::decode_reply(message.body);
            if (answer.value)
              done(decode_response<answer_type>(*answer.value));
            else
              done(tl::unexpected{answer.value.error()});
          },
          [done](const caf::error& problem) {
            done(atl::fail(atl::errc::timeout, "the replica didn't answer: " +
                                                   atl::runtime::describe_failure(problem)));
          });
}

} // namespace dfs
