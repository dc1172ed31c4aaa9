#include "node/piece_runner.hpp"

#include "job/job_limits.hpp"
#include "job/piece_worker.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;

constexpr unsigned threads_max = 4;
constexpr auto step_bytes = job::block_bytes_max;
static_assert(step_bytes % block_size == 0);

tl::unexpected<atl::error> was_cancelled() {
  return fail(errc::refused, "the job was cancelled");
}

struct found_fragment {
  fragment_key key;
  open_fragment opened;
};

/// The fragment of the chunk that this node has.
atl::result<found_fragment> find_fragment(fragment_store& store, const job::piece_request& piece) {
  for (std::uint32_t index = 0; index < piece.fragments; ++index) {
    fragment_key key{piece.chunk, index};
    auto opened = store.open(key);
    if (!opened && opened.error().code == errc::not_found)
      continue;
    if (!opened)
      return tl::unexpected{opened.error()};
    if (opened->size != piece.chunk_bytes)
      return fail(errc::refused, fmt::format("fragment {} has {} bytes and the chunk {}: a job on "
                                             "it must put the chunk together",
                                             to_string(key), opened->size, piece.chunk_bytes));
    return found_fragment{key, std::move(*opened)};
  }
  return fail(errc::not_found, fmt::format("no fragment of chunk {} is stored on this node",
                                           to_string(piece.chunk)));
}

/// Feeds the range of a piece to its worker.
atl::result<job::piece_result> feed(job::piece_worker& worker, const found_fragment& from,
                                    const job::piece_request& piece, const std::stop_token& stop) {
  auto end = piece.offset + piece.length;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(step_bytes, from.opened.size));
  for (auto at = piece.offset / block_size * block_size; at < end; at += step_bytes) {
    if (stop.stop_requested())
      return was_cancelled();
    auto to_block_end = (end - at + block_size - 1) / block_size * block_size;
    auto size = std::min({std::uint64_t{step_bytes}, to_block_end, from.opened.size - at});
    if (auto read = read_checked(from.key, from.opened, at, std::span{buffer}.first(size)); !read)
      return tl::unexpected{read.error()};
    std::string_view block{reinterpret_cast<const char*>(buffer.data()), std::min(size, end - at)};
    block.remove_prefix(piece.offset > at ? piece.offset - at : 0);
    auto taken = worker.add(block);
    if (!taken)
      return tl::unexpected{taken.error()};
    if (*taken < block.size())
      break;
  }
  return worker.finish();
}

} // namespace

piece_runner::piece_runner(std::shared_ptr<fragment_store> store) : store_{std::move(store)} {
  auto count = std::clamp(std::thread::hardware_concurrency(), 1U, threads_max);
  for (unsigned i = 0; i < count; ++i)
    threads_.emplace_back([this] { serve(); });
}

piece_runner::~piece_runner() {
  std::list<work> waiting;
  {
    std::lock_guard lock{mutex_};
    stops_ = true;
    waiting.swap(waiting_);
    for (auto& it : running_)
      it.stop.request_stop();
  }
  wake_.notify_all();
  for (auto& it : waiting)
    it.done(fail(errc::unavailable, "the node stops"));
  for (auto& thread : threads_)
    thread.join();
}

void piece_runner::run(job::piece_request piece, completion done) {
  std::optional<atl::error> refusal;
  {
    std::lock_guard lock{mutex_};
    if (std::ranges::find(cancelled_, piece.job) != cancelled_.end())
      refusal = was_cancelled().value();
    else if (waiting_.size() >= waiting_max)
      refusal =
          atl::error{errc::busy, fmt::format("{} pieces of jobs wait here, the most that may; "
                                             "try again",
                                             waiting_.size())};
    else
      waiting_.push_back({std::move(piece), std::move(done), {}});
  }
  if (refusal)
    done(tl::unexpected{std::move(*refusal)});
  else
    wake_.notify_one();
}

void piece_runner::cancel(std::uint64_t job, std::function<void()> done) {
  std::list<work> ended;
  std::size_t left = 0;
  {
    std::lock_guard lock{mutex_};
    if (std::ranges::find(cancelled_, job) == cancelled_.end())
      cancelled_.push_back(job);
    if (cancelled_.size() > cancelled_max)
      cancelled_.pop_front();
    for (auto it = waiting_.begin(); it != waiting_.end();)
      if (auto next = std::next(it); it->piece.job == job)
        ended.splice(ended.end(), waiting_, std::exchange(it, next));
      else
        it = next;
    for (auto& it : running_)
      if (it.piece.job == job) {
        it.stop.request_stop();
        ++left;
      }
    if (left > 0)
      cancellations_.push_back({job, left, done});
  }
  atl::log::info("storage", "", "job {:016x} was cancelled: {} of its pieces ran, {} waited", job,
                 left, ended.size());
  for (auto& it : ended)
    it.done(was_cancelled());
  if (left == 0)
    done();
}

std::size_t piece_runner::under_way() const {
  std::lock_guard lock{mutex_};
  return waiting_.size() + running_.size();
}

void piece_runner::serve() {
  for (;;) {
    std::unique_lock lock{mutex_};
    wake_.wait(lock, [this] { return stops_ || !waiting_.empty(); });
    if (stops_)
      return;
    auto next = waiting_.begin();
    running_.splice(running_.end(), waiting_, next);
    lock.unlock();
    atl::result<std::string> outcome;
    try {
      outcome = work_on(next->piece, next->stop.get_token());
    } catch (const std::exception& problem) { // for example out of memory
      outcome = fail(errc::internal, std::string{"a piece of a job was ended: "} + problem.what());
    }
    finish(next, std::move(outcome));
  }
}

void piece_runner::finish(std::list<work>::iterator ended, atl::result<std::string> outcome) {
  std::list<work> own;
  std::list<cancellation> complete;
  {
    std::lock_guard lock{mutex_};
    own.splice(own.end(), running_, ended);
    if (stops_ && !outcome)
      outcome = fail(errc::unavailable, "the node stops");
    for (auto it = cancellations_.begin(); it != cancellations_.end();)
      if (auto next = std::next(it); it->job == own.front().piece.job && --it->left == 0)
        complete.splice(complete.end(), cancellations_, std::exchange(it, next));
      else
        it = next;
  }
  own.front().done(std::move(outcome));
  for (auto& it : complete)
    it.done();
}

/// A damaged fragment is moved aside, as when a reader reports it.
atl::result<std::string> piece_runner::work_on(const job::piece_request& piece,
                                               const std::stop_token& stop) {
  auto worker = job::piece_worker::make(piece.spec);
  if (!worker)
    return tl::unexpected{worker.error()};
  auto fragment = find_fragment(*store_, piece);
  if (!fragment)
    return tl::unexpected{fragment.error()};
  auto result = feed(**worker, *fragment, piece, stop);
  if (!result && result.error().code == errc::corrupt)
    std::ignore = store_->check(fragment->key);
  if (!result)
    return tl::unexpected{result.error()};
  return encode(*result);
}

} // namespace dfs
