#include "node/scrub_host.hpp"

#include "common/clock.hpp"
#include "storage/scrub_file.hpp"

#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using steady = std::chrono::steady_clock;

constexpr std::string_view log_role = "storage";

/// How often it is looked whether a pass is due.
constexpr auto look_interval = std::chrono::seconds{1};
/// What a restart may make the scrub read again.
constexpr auto save_interval = std::chrono::seconds{10};
/// A pause during a read is looked at again after so long, because requests come and go.
constexpr std::chrono::microseconds pause_max = std::chrono::seconds{1};
constexpr std::size_t former_runs_max = 64;

scrubber::moment now() {
  return {steady::now(), now_us()};
}

scrub_position load(const std::string& file) {
  auto loaded = load_scrub_position(file);
  if (loaded)
    return *loaded;
  if (loaded.error().code != errc::not_found)
    atl::log::warning(log_role, "", "{}: a new pass of the scrub begins", loaded.error().message);
  return {};
}

} // namespace

scrub_host::scrub_host(settings given)
    : settings_{std::move(given)}, scrubber_{settings_.limits, load(settings_.file)},
      saved_at_{steady::now()}, thread_{[this] { run(); }} {}

scrub_host::~scrub_host() {
  {
    std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

protocol::scrub_status scrub_host::status() const {
  std::lock_guard lock{mutex_};
  return scrubber_.position().status;
}

void scrub_host::begin(scrub_pace pace, std::uint64_t run) {
  if (auto former = scrubber_.position().run; former != 0)
    former_runs_.push_back(former);
  if (former_runs_.size() > former_runs_max)
    former_runs_.pop_front();
  auto usage = settings_.store->usage();
  scrubber_.begin(now(), usage ? usage->bytes : 0, pace, run);
  ++pass_;
  must_save_ = true;
}

protocol::scrub_state scrub_host::order(const protocol::scrub_request& request) {
  using protocol::scrub_phase;
  std::lock_guard lock{mutex_};
  auto& position = scrubber_.position();
  if (std::ranges::find(former_runs_, request.run) != former_runs_.end())
    return {scrub_phase::replaced, position.status};
  if (request.run != position.run) {
    begin(request.unlimited ? scrub_pace::unlimited : scrub_pace::limited, request.run);
    wake_.notify_all();
  }
  return {position.is_under_way ? scrub_phase::reading : scrub_phase::done, position.status};
}

void scrub_host::run() {
  std::unique_lock lock{mutex_};
  while (!is_stopping_) {
    if (!is_in_use()) {
      wake_.wait_for(lock, look_interval);
      continue;
    }
    auto usage = settings_.store->usage();
    auto stored = usage ? usage->bytes : 0;
    if (!scrubber_.position().is_under_way) {
      if (scrubber_.is_due(now(), stored))
        begin(scrub_pace::scheduled, 0);
      else
        wake_.wait_for(lock, look_interval);
      continue;
    }
    scrubber_.on_stored(stored);
    auto wait = scrubber_.wait_before_fragment(now(), settings_.in_flight() > 0);
    if (wait.count() > 0)
      wake_.wait_for(lock, std::min(wait, pause_max));
    else
      scrub_next(lock);
    if (must_save_ || steady::now() - saved_at_ >= save_interval)
      save(lock);
  }
  if (is_in_use())
    save(lock);
}

/// Reads one fragment, unless the pass is over. The lock is not held while the disk is read.
void scrub_host::scrub_next(std::unique_lock<std::mutex>& lock) {
  auto next = settings_.store->slice(scrubber_.position().next, 1);
  if (next.empty())
    return end_pass();
  auto& key = next.front().key;
  auto pass = pass_;
  auto& done_bytes = scrubber_.position().status.done_bytes;
  auto done_before = done_bytes;
  lock.unlock();
  auto checked = settings_.store->check(
      key, {true, [this, pass](std::uint64_t bytes) { return pause_after_read(pass, bytes); }});
  lock.lock();
  if (pass != pass_ || (!checked && checked.error().code == errc::unavailable))
    return; // another pass has begun, or the node stops
  if (!checked && checked.error().code == errc::not_found)
    return scrubber_.on_checked(key, {}); // it was removed meanwhile
  if (!is_in_use())
    return; // the disk failed meanwhile, which says nothing of the fragment
  auto finding = !checked ? checked.error().message
                 : !*checked
                     ? fmt::format("fragment {} was damaged, and is moved aside", to_string(key))
                     : std::string{};
  // Its last part; and all that was not read of one that is damaged.
  scrubber_.on_read(now(),
                    next.front().size - std::min(done_bytes - done_before, next.front().size));
  scrubber_.on_checked(key, finding);
  must_save_ = must_save_ || !finding.empty();
}

/// @returns whether to read on.
bool scrub_host::pause_after_read(std::uint64_t pass, std::uint64_t bytes) {
  std::unique_lock lock{mutex_};
  if (pass == pass_)
    scrubber_.on_read(now(), bytes);
  while (!is_stopping_ && pass == pass_ && is_in_use()) {
    auto wait = scrubber_.wait_before_read(now(), settings_.in_flight() > 0);
    if (wait.count() <= 0)
      return true;
    wake_.wait_for(lock, std::min(wait, pause_max));
  }
  return false;
}

void scrub_host::end_pass() {
  scrubber_.on_end(now());
  must_save_ = true;
  auto& status = scrubber_.position().status;
  atl::log::info(log_role, "", "a scrub has read {} bytes, and found {} fragments damaged",
                 status.done_bytes, status.damaged);
}

/// By the thread alone. The lock is not held meanwhile: whoever asks doesn't wait for the disk.
void scrub_host::save(std::unique_lock<std::mutex>& lock) {
  must_save_ = false;
  saved_at_ = steady::now();
  auto position = scrubber_.position();
  lock.unlock();
  auto saved = save_scrub_position(settings_.file, position);
  lock.lock();
  if (!saved && !std::exchange(save_failed_, true))
    atl::log::warning(log_role, "", "{}: after a restart the scrub will read more again",
                      saved.error().message);
  if (saved)
    save_failed_ = false;
}

} // namespace dfs
