#include "client/striped_writes.hpp"

#include "client/plugin_call.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

namespace dfs {

using atl::errc;
using boost::asio::awaitable;

namespace {

/// For less than that a node may hold up the others, whatever is usual.
constexpr std::chrono::milliseconds hold_up_min{500};

} // namespace

/// One fragment on its way to its node.
class striped_writes::stream final : public fragment_feed {
 public:
  stream(striped_writes& all, fragment_write to, std::uint64_t size)
      : all_{all}, to_{std::move(to)}, size_{size}, ready_{*all.context_} {}

  /// Waits until the next step is made.
  awaitable<atl::result<std::string_view>> next() override {
    if (has_begun_)
      ++step_; // what was given before is sent
    has_begun_ = true;
    all_.wake_.cancel();
    while (step_ >= all_.made_ && !is_given_up_) {
      ready_.expires_at(clock::time_point::max());
      boost::system::error_code ignored;
      co_await ready_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    if (is_given_up_)
      co_return atl::fail(errc::timeout, "the write was given up");
    co_return std::string_view{all_.steps_[step_ % steps_in_memory].bytes[to_.target.fragment]};
  }

  void wake() { ready_.cancel(); }
  void give_up() {
    is_given_up_ = true;
    if (over_ != nullptr)
      over_->cancel();
    wake();
  }
  void end(const atl::status& outcome) {
    over_ = nullptr;
    is_running_ = false;
    if (outcome)
      return;
    problem_ = failed_write{outcome.error(), outcome.error().code != errc::busy};
    if (is_given_up_)
      problem_->why = {errc::timeout,
                       atl::to_string(to_.target.at) + " took much longer than the other nodes"};
  }

  const fragment_write& to() const { return to_; }
  std::uint64_t size() const { return size_; }
  void set_connection(async_bulk_connection* over) { over_ = over; }
  bool is_running() const { return is_running_; }
  bool is_given_up() const { return is_given_up_; }
  /// Which step it needs or sends; the last one's successor once it has taken all.
  std::size_t step() const { return step_; }
  const std::optional<failed_write>& problem() const { return problem_; }

 private:
  striped_writes& all_;
  const fragment_write to_;
  const std::uint64_t size_;
  boost::asio::steady_timer ready_;
  async_bulk_connection* over_ = nullptr;
  std::size_t step_ = 0;
  bool has_begun_ = false;
  bool is_running_ = true;
  bool is_given_up_ = false;
  std::optional<failed_write> problem_;
};

striped_writes::striped_writes(const fragment_writes::tools& with,
                               std::shared_ptr<boost::asio::io_context> context,
                               const chunk_id& chunk, const scheme& by, const chunk_source& from)
    : with_{with}, context_{std::move(context)}, chunk_{chunk}, by_{by}, from_{from},
      encoder_{by, from}, wake_{*context_} {}

striped_writes::~striped_writes() = default;

awaitable<atl::result<failed_writes>> striped_writes::run(std::vector<fragment_write> targets,
                                                          std::size_t enough) {
  for (auto& each : targets) {
    auto size = by_.recovery->fragment_size(from_.size, each.target.fragment);
    streams_.emplace_back(*this, std::move(each), size);
  }
  for (auto& each : streams_)
    boost::asio::co_spawn(*context_, send(each), boost::asio::detached);
  std::exception_ptr thrown;
  atl::status sent;
  try {
    sent = co_await send_all(enough);
  } catch (...) {
    thrown = std::current_exception();
  }
  give_up_rest();
  while (std::ranges::any_of(streams_, &stream::is_running))
    co_await wait();
  if (thrown)
    std::rethrow_exception(thrown);
  if (!sent)
    co_return tl::unexpected{sent.error()};
  failed_writes problems;
  for (auto& each : streams_)
    if (each.problem())
      problems[each.to().node] = *each.problem();
  co_return problems;
}

/// Makes step after step until all fragments are stored or have failed, or those that aren't are
/// to be given up.
awaitable<atl::status> striped_writes::send_all(std::size_t enough) {
  for (;;) {
    if (auto made = make_steps(); !made)
      co_return made;
    if (std::ranges::none_of(streams_, &stream::is_running))
      co_return atl::status{};
    auto give_up = give_up_at(enough);
    wake_.expires_at(give_up.value_or(clock::time_point::max()));
    boost::system::error_code ignored;
    co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (!give_up || clock::now() < *give_up)
      continue;
    if (enough_at_)
      co_return atl::status{}; // the rest is given up
    give_up_slowest();
  }
}

awaitable<void> striped_writes::wait() {
  wake_.expires_at(clock::time_point::max());
  boost::system::error_code ignored;
  co_await wake_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

/// Makes steps in the memory of those that no stream needs any more.
atl::status striped_writes::make_steps() {
  while (encoder_.has_more() && std::ranges::any_of(streams_, &stream::is_running) &&
         made_ < slowest_step() + steps_in_memory) {
    auto step = encoder_.make(steps_[made_ % steps_in_memory]);
    if (!step)
      return step;
    ++made_;
    for (auto& each : streams_)
      each.wake();
  }
  return {};
}

/// The first step that a stream still needs; beyond all if none does.
std::size_t striped_writes::slowest_step() const {
  auto slowest = made_;
  for (auto& each : streams_)
    if (each.is_running() && !each.is_given_up())
      slowest = std::min(slowest, each.step());
  return slowest;
}

/// When those that are slow are to be given up: what isn't stored when enough is, or the slowest,
/// which holds up the others. None: there is no reason to.
std::optional<striped_writes::clock::time_point> striped_writes::give_up_at(std::size_t enough) {
  auto now = clock::now();
  if (!enough_at_ && stored_ >= enough)
    enough_at_ = now;
  if (enough_at_)
    return *enough_at_ + with_.latencies.straggler_time(with_.policy.hedge_after);
  if (auto slowest = slowest_step(); slowest != slowest_ || slowest_since_ == clock::time_point{}) {
    slowest_ = slowest;
    slowest_since_ = now;
  }
  auto others = static_cast<std::size_t>(std::ranges::count_if(streams_, [&](auto& each) {
    return each.is_running() && !each.is_given_up() && each.step() > slowest_;
  }));
  if (!encoder_.has_more() || others == 0)
    return std::nullopt; // nothing is held up
  // The nodes of the others wait for progress as well, and no longer than that.
  std::chrono::microseconds longest = with_.connections.options().timeouts.progress / 2;
  if (stored_ + others < enough)
    return slowest_since_ + longest;
  return slowest_since_ +
         std::min(longest,
                  std::max<std::chrono::microseconds>(
                      hold_up_min, with_.latencies.straggler_time(with_.policy.hedge_after)));
}

void striped_writes::give_up_slowest() {
  for (auto& each : streams_)
    if (each.is_running() && each.step() == slowest_)
      each.give_up();
}

void striped_writes::give_up_rest() {
  for (auto& each : streams_)
    if (each.is_running())
      each.give_up();
}

awaitable<void> striped_writes::send(stream& to) {
  auto began = clock::now();
  auto over = with_.connections.take(context_, to.to().target.at, with_.timeouts);
  to.set_connection(over.get());
  auto target = to.to().target;
  auto size = to.size();
  auto how = by_.policy.durability;
  auto outcome = co_await over->write_pieces(target, chunk_, size, to, how);
  to.end(outcome);
  with_.connections.give_back(std::move(over));
  if (outcome) {
    ++stored_;
    with_.progress.note();
    with_.latencies.add(
        std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - began));
  }
  wake_.cancel();
}

} // namespace dfs
