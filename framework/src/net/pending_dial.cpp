#include <atoll/net/one_shot_event.hpp>
#include <atoll/net/pending_dial.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace atl::net {

struct pending_dial::outcome {
  one_shot_event known;
  std::optional<result<dialed>> value;

  void set(result<dialed> reached) {
    if (value)
      return;
    value.emplace(std::move(reached));
    known.set();
  }
};

boost::asio::awaitable<result<dialed>>
pending_dial::run(const std::shared_ptr<boost::asio::io_context>& context, dial_request request) {
  auto where = to_string(request.where);
  auto outcome = std::make_shared<pending_dial::outcome>();
  outcome_ = outcome;
  // A call that was given up keeps nothing but the outcome, which nobody looks at.
  auto done = [outcome, where](tl::expected<dialed, dial_failure> reached) {
    if (reached)
      return outcome->set(std::move(*reached));
    const auto& problem = reached.error().problem;
    outcome->set(fail(problem.code, fmt::format("{}: {}", where, problem.message)));
  };
  dial(context, std::move(request), done);
  co_await outcome->known.wait();
  auto value = std::move(*outcome->value);
  if (outcome_ == outcome)
    outcome_.reset();
  co_return value;
}

void pending_dial::cancel() {
  if (auto outcome = std::exchange(outcome_, nullptr))
    outcome->set(fail(errc::unavailable, "the connection was given up before it was made"));
}

} // namespace atl::net
