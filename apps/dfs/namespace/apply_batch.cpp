#include "namespace/apply.hpp"

#include <atoll/core/state/answer.hpp>

#include <algorithm>

namespace dfs::state {

namespace {

/// Bytes of the errors' texts in the answer to a batch; further ones are left out, for a session
/// keeps the answer.
constexpr std::size_t error_text_bytes_max = 8u << 10;

} // namespace

atl::result<responses::answers> run(state_transaction& state, const commands::batch& command) {
  responses::answers answer;
  std::size_t text_left = error_text_bytes_max;
  for (const auto& action : command.actions) {
    if (std::holds_alternative<commands::relocate>(action)) {
      answer.each.push_back(encode_response(
          atl::error{atl::errc::invalid, "relocations have a command of their own"}));
      continue;
    }
    auto outcome = std::visit(
        [&](const auto& wanted) -> atl::result<std::string> {
          auto done = run(state, wanted);
          if (!done)
            return tl::unexpected{done.error()};
          return encode_response(*done);
        },
        action);
    if (!outcome) {
      auto problem = outcome.error();
      problem.message.resize(std::min(problem.message.size(), text_left));
      text_left -= problem.message.size();
      outcome = encode_response(problem);
    }
    answer.each.push_back(std::move(*outcome));
  }
  return answer;
}

} // namespace dfs::state
