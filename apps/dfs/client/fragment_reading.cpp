#include "client/fragment_reading.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace dfs {

using atl::errc;
using atl::fail;
using boost::asio::awaitable;

namespace {

/// The dispatcher is told of progress at most this often for each attempt: far less than the time
/// after which it hedges.
constexpr std::chrono::milliseconds progress_interval{5};

atl::status check_length(std::uint64_t got, std::uint64_t expected) {
  if (got == expected)
    return {};
  return fail(errc::corrupt, fmt::format("it is {} bytes long and the chunk's scheme makes it {}: "
                                         "it was stored with another scheme, or cut",
                                         got, expected));
}

} // namespace

fragment_reading::fragment_reading(fragment_dispatch& by,
                                   fragment_dispatch::context_pointer context, fragment_read what)
    : by_{by}, context_{std::move(context)}, what_{std::move(what)}, wake_{*context_} {}

// -- effects of the dispatcher ------------------------------------------------------------------

void fragment_reading::start(const atl::send_attempt& attempt) {
  auto id = attempt.attempt;
  auto& state = attempts_[id];
  state.at = holder_at(static_cast<storage_id>(attempt.worker));
  ++running_;
  wake_.cancel(); // the time of the hedge is known now
  auto* node = by_.view_.nodes()->find(state.at.node);
  boost::asio::co_spawn(
      *context_, run(shared_from_this(), id, node->target.bulk),
      [self = shared_from_this(), id](std::exception_ptr thrown) { self->end(id, thrown); });
}

void fragment_reading::cancel(std::uint64_t id) {
  auto& attempt = attempts_.at(id);
  attempt.is_cancelled = true;
  if (attempt.over != nullptr)
    attempt.over->cancel();
}

void fragment_reading::complete(std::uint64_t attempt, std::optional<atl::error> problem) {
  is_complete_ = true;
  winner_ = attempt;
  if (problem)
    outcome_.problem = std::move(*problem);
  wake_.cancel();
}

fragment_holder fragment_reading::holder_at(storage_id node) const {
  return *std::ranges::find(what_.holders, node, &fragment_holder::node);
}

// -- an attempt ---------------------------------------------------------------------------------

/// @param self keeps the reading until the attempt has ended
awaitable<void> fragment_reading::run(std::shared_ptr<fragment_reading> self, std::uint64_t id,
                                      atl::endpoint at) {
  auto& attempt = self->attempts_.at(id);
  if (attempt.is_cancelled)
    co_return;
  if (is_into_used_) {
    attempt.own.resize(what_.into.size());
    attempt.into = attempt.own;
  } else {
    attempt.into = what_.into;
    is_into_used_ = true;
  }
  auto over = by_.connections_.take(context_, at);
  over->set_on_bytes([this, id] { on_bytes(id); });
  attempt.over = over.get();
  auto got = co_await read(*over, attempt);
  over->set_on_bytes({});
  report(id, got);
  if (!got && got.error().code == errc::corrupt && !attempt.is_cancelled) {
    // The node checks its copy, and moves a damaged copy aside. (GCC 12 destroys temporaries in a
    // co_await expression twice.)
    fragment_key key{what_.chunk, attempt.at.fragment};
    auto told = co_await over->report_damage(key);
    (void)told;
  }
  attempt.over = nullptr;
  by_.connections_.give_back(std::move(over));
}

awaitable<atl::status> fragment_reading::read(async_bulk_connection& over,
                                              const attempt_state& attempt) {
  fragment_key key{what_.chunk, attempt.at.fragment};
  auto into = std::as_writable_bytes(attempt.into);
  if (into.size() == what_.fragment_bytes) {
    auto length = co_await over.read_whole_fragment(key, into);
    if (!length)
      co_return tl::unexpected{length.error()};
    co_return check_length(*length, what_.fragment_bytes);
  }
  auto count = co_await over.read_fragment(key, what_.offset, into);
  if (!count)
    co_return tl::unexpected{count.error()};
  co_return check_length(*count == into.size() ? what_.fragment_bytes : what_.offset + *count,
                         what_.fragment_bytes);
}

void fragment_reading::on_bytes(std::uint64_t id) {
  auto& attempt = attempts_.at(id);
  heard_at_ = std::chrono::steady_clock::now();
  if (attempt.is_cancelled || heard_at_ - attempt.progress_told_at < progress_interval)
    return;
  attempt.progress_told_at = heard_at_;
  by_.note_progress(id);
}

void fragment_reading::report(std::uint64_t id, const atl::status& outcome) {
  auto& attempt = attempts_.at(id);
  attempt.is_reported = true;
  attempt.has_bytes = outcome.has_value();
  if (!outcome && !attempt.is_cancelled)
    outcome_.failures.push_back({attempt.at, outcome.error()});
  by_.report(id, attempt.at.node, outcome, attempt.is_cancelled);
}

void fragment_reading::end(std::uint64_t id, std::exception_ptr thrown) {
  auto& attempt = attempts_.at(id);
  if (!attempt.is_reported) {
    std::string why = "the read was given up";
    try {
      if (thrown)
        std::rethrow_exception(thrown);
    } catch (const std::exception& problem) {
      why = problem.what();
    }
    report(id, fail(errc::internal, why));
  }
  attempt.over = nullptr;
  if (attempt.into.data() == what_.into.data() && !attempt.has_bytes)
    is_into_used_ = false;
  --running_;
  wake_.cancel();
}

// -- the end of the read ------------------------------------------------------------------------

awaitable<fragment_outcome> fragment_reading::finish() {
  while (!is_complete_ || running_ > 0) {
    auto next = is_complete_ ? atl::no_deadline : by_.next_timer();
    wake_.expires_at(next == atl::no_deadline ? boost::asio::steady_timer::time_point::max()
                                              : boost::asio::steady_timer::time_point{next});
    boost::system::error_code ignored;
    co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    by_.advance_if_due();
  }
  if (winner_ != 0) {
    auto& winner = attempts_.at(winner_);
    if (!winner.own.empty())
      std::ranges::copy(winner.own, what_.into.begin());
    outcome_.from = winner.at;
  }
  co_return std::move(outcome_);
}

} // namespace dfs
