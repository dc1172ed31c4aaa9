#include "recorded_load.hpp"

#include "client/paths.hpp"
#include "test_cluster.hpp"

#include <atoll/sim/linearizability.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace {

using atl::errc;
using atl::sim::operation;
using atl::sim::operation_kind;
using atl::sim::operation_outcome;

std::string path_of(std::uint64_t key) {
  return fmt::format("/register-{}", key);
}

std::string content_of(const dfs::responses::opened& page) {
  auto* text =
      page.pieces.empty() ? nullptr : std::get_if<std::string>(&page.pieces.front().content);
  return text ? *text : std::string{};
}

} // namespace

recorded_load::recorded_load(const dfs::cluster_settings& cluster, int clients, int keys,
                             std::uint64_t first_key)
    : cluster_{cluster}, keys_{keys}, first_key_{first_key} {
  for (int i = 1; i <= clients; ++i)
    threads_.emplace_back([this, i] { run(i); });
}

recorded_load::~recorded_load() {
  stop();
}

void recorded_load::stop() {
  stopping_ = true;
  for (auto& thread : std::exchange(threads_, {}))
    thread.join();
}

void recorded_load::some_more_writes(std::uint64_t count) {
  auto goal = writes_ + count;
  eventually("more writes are acknowledged", [&] { return writes_ >= goal; });
}

void recorded_load::some_more_reads(std::uint64_t count) {
  auto goal = reads_ + count;
  eventually("more reads are answered", [&] { return reads_ >= goal; });
}

std::chrono::milliseconds recorded_load::longest_pause() const {
  std::lock_guard lock{mutex_};
  return std::chrono::milliseconds{longest_pause_ / 1000};
}

std::chrono::microseconds recorded_load::now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               began_);
}

std::vector<std::chrono::milliseconds>
recorded_load::waits_for_a_write(const std::vector<std::chrono::microseconds>& moments) const {
  std::lock_guard lock{mutex_};
  std::vector<std::chrono::milliseconds> waits;
  for (auto moment : moments) {
    auto first = std::numeric_limits<std::int64_t>::max();
    for (auto& it : history_)
      if (it.kind == operation_kind::write && it.outcome == operation_outcome::ok &&
          it.invoked >= moment.count())
        first = std::min(first, it.returned);
    if (first != std::numeric_limits<std::int64_t>::max())
      waits.emplace_back((first - moment.count()) / 1000);
  }
  return waits;
}

/// A client that does not learn the outcome of a write continues as another client: in the
/// history the first one waits for ever.
void recorded_load::run(int client) {
  dfs::control masters{cluster_};
  atl::spi::random_source random{static_cast<std::uint64_t>(client)};
  auto lives = 0;
  while (!stopping_) {
    operation it;
    it.client = static_cast<std::uint64_t>(client + 1000 * lives);
    it.key = first_key_ + random.below(static_cast<std::uint64_t>(keys_));
    it.invoked = now().count();
    if (random.chance(0.5)) {
      auto page = masters.query(dfs::queries::open{*dfs::place_of(path_of(it.key)), 0});
      it.outcome = page || page.error().code == errc::not_found ? operation_outcome::ok
                                                                : operation_outcome::failed;
      if (it.outcome == operation_outcome::failed)
        note_problem(page.error());
      if (page) {
        std::int64_t value = 0;
        auto text = content_of(*page);
        std::from_chars(text.data(), text.data() + text.size(), value);
        it.result = value;
      }
    } else {
      it.kind = operation_kind::write;
      it.argument = ++values_;
      dfs::commands::make put;
      put.where = *dfs::place_of(path_of(it.key));
      put.existing = dfs::commands::make::if_exists::replace;
      auto text = std::to_string(*it.argument);
      put.content.push_back({0, text.size(), text});
      auto done = masters.run(put);
      it.outcome = done                                 ? operation_outcome::ok
                   : done.error().code == errc::timeout ? operation_outcome::unknown
                                                        : operation_outcome::failed;
      if (!done)
        note_problem(done.error());
      lives += it.outcome == operation_outcome::unknown;
    }
    it.returned = now().count();
    note(it);
  }
}

void recorded_load::note(operation it) {
  std::lock_guard lock{mutex_};
  if (it.outcome == operation_outcome::ok) {
    if (it.kind == operation_kind::write) {
      ++writes_;
      longest_pause_ = std::max(longest_pause_, it.returned - last_write_);
      last_write_ = std::max(last_write_, it.returned);
    } else {
      ++reads_;
    }
  }
  history_.push_back(it);
}

void recorded_load::note_problem(const atl::error& problem) {
  std::lock_guard lock{mutex_};
  ++problems_[problem.message];
}

void recorded_load::must_all_be_answered() {
  take();
  std::lock_guard lock{mutex_};
  for (auto& [problem, count] : problems_)
    FAIL_CHECK(fmt::format("{} times: {}", count, problem));
}

atl::sim::history recorded_load::take() {
  stop();
  std::lock_guard lock{mutex_};
  return history_;
}

void recorded_load::must_be_linearizable() {
  auto seen = take();
  auto report = atl::sim::check_linearizable(seen);
  MESSAGE(fmt::format("{} operations, {} writes and {} reads acknowledged, {} ms at most between "
                      "two writes",
                      seen.size(), writes_.load(), reads_.load(), longest_pause().count()));
  CHECK_MESSAGE(report.what == atl::sim::verdict::linearizable, report.reason);
}
