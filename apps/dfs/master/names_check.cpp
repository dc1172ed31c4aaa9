#include "master/names_check.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dfs {

using atl::errc;
using protocol::check_phase;

namespace {

/// Commands and queries go first.
constexpr int niceness = 10;

void remove_folder(const std::filesystem::path& copy) {
  std::error_code ignored; // the next start removes what is left
  std::filesystem::remove_all(copy, ignored);
}

} // namespace

names_check::names_check(settings given) : settings_{std::move(given)} {}

names_check::~names_check() {
  stop();
  wait_for_thread();
}

void names_check::stop() {
  std::lock_guard lock{mutex_};
  is_stopping_ = true;
}

void names_check::wait_for_thread() {
  if (thread_.joinable())
    thread_.join();
}

/// @pre the mutex is locked. A check whose client is gone gives way once its thread has ended; an
/// outcome is kept for its client until the client would have been given up.
bool names_check::is_occupied() const {
  switch (state_.phase) {
  case check_phase::copying:
  case check_phase::counting:
  case check_phase::reading:
    return true;
  case check_phase::done:
  case check_phase::failed:
    return !was_told_ && clock::now() - asked_ < settings_.abandoned_after;
  case check_phase::waiting:
    break;
  }
  return false;
}

bool names_check::request(std::uint64_t run) {
  {
    std::lock_guard lock{mutex_};
    if (run == run_) {
      asked_ = clock::now();
      return false;
    }
    if (is_occupied())
      return false;
    run_ = run;
    asked_ = clock::now();
    was_told_ = false;
    state_ = {};
    state_.master = settings_.master;
    state_.phase = check_phase::copying;
  }
  wait_for_thread(); // which has noted its outcome, and ends
  return true;
}

void names_check::begin(const std::filesystem::path& copy, atl::spi::log_index index) {
  {
    std::lock_guard lock{mutex_};
    state_.log_index = index;
    state_.phase = check_phase::counting;
  }
  try {
    thread_ = std::thread{[this, copy] { run(copy); }};
  } catch (const std::system_error& problem) {
    remove_folder(copy);
    fail(std::string{"the system starts no thread: "} + problem.what());
  }
}

void names_check::run(const std::filesystem::path& copy) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness); // of this thread alone
  audit_options how;
  how.progress = [this](std::uint64_t read, std::uint64_t total) {
    return note_progress(read, total);
  };
  atl::result<audit_report> outcome;
  try {
    outcome = settings_.audit(copy, how);
  } catch (const std::exception& thrown) { // out of memory, for example
    outcome = atl::fail(errc::internal, std::string{"the check was ended: "} + thrown.what());
  }
  remove_folder(copy);
  note_outcome(std::move(outcome));
}

void names_check::fail(const std::string& why) {
  note_outcome(atl::fail(errc::unavailable, why));
}

/// @returns false if the check is to stop.
bool names_check::note_progress(std::uint64_t read, std::uint64_t total) {
  std::lock_guard lock{mutex_};
  state_.rows_read = read;
  state_.rows_total = total;
  state_.phase = total == 0 ? check_phase::counting : check_phase::reading;
  auto is_abandoned = clock::now() - asked_ >= settings_.abandoned_after;
  return !is_stopping_ && !is_abandoned;
}

void names_check::note_outcome(atl::result<audit_report> outcome) {
  std::lock_guard lock{mutex_};
  if (outcome) {
    state_.phase = check_phase::done;
    state_.inodes = outcome->inodes;
    state_.entries = outcome->entries;
    state_.chunks = outcome->chunks;
    state_.findings_total = outcome->total;
    state_.findings = std::move(outcome->findings);
    state_.findings.resize(std::min(state_.findings.size(), protocol::findings_max));
  } else if (outcome.error().code == errc::corrupt) { // a row that can't be read is damage, too
    state_.phase = check_phase::done;
    state_.findings_total = 1;
    state_.findings = {std::move(outcome.error().message)};
  } else {
    state_.phase = check_phase::failed;
    state_.failure = std::move(outcome.error().message);
  }
}

protocol::check_state names_check::state(std::uint64_t run) {
  std::lock_guard lock{mutex_};
  if (run != run_) {
    protocol::check_state waits;
    waits.master = settings_.master;
    return waits;
  }
  auto phase = state_.phase;
  was_told_ = was_told_ || phase == check_phase::done || phase == check_phase::failed;
  return state_;
}

} // namespace dfs
