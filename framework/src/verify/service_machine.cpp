#include "service_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <stdexcept>
#include <utility>

namespace atl::verify {

namespace {

/// All rows are read after so many entries: rarely enough to take less time than the protocol.
constexpr spi::log_index inspection_interval = 16;

/// So many of the clients' last queries are asked at each inspection.
constexpr std::uint64_t queries_at_inspection = 4;

std::uint64_t idle_max_us(const service_info& service) {
  auto expiry = service.session_expiry.count();
  return expiry == 0 ? std::numeric_limits<std::uint64_t>::max()
                     : static_cast<std::uint64_t>(expiry);
}

} // namespace

service_machine::service_machine(service_run_facts& run, spi::replica_id replica)
    : run_{run}, replica_{replica} {
  start([&run](auto logic) { return memory_state::create(std::move(logic), run.birth); },
        "the first start");
}

service_machine::service_machine(service_run_facts& run, spi::replica_id replica,
                                 const memory_state& from)
    : run_{run}, replica_{replica} {
  start([&from](auto logic) { return from.copy(std::move(logic)); }, "a start");
}

template <class Make>
void service_machine::start(Make make, std::string_view during) {
  try {
    auto made = run_.service.logic();
    if (!made)
      throw std::runtime_error("`service_under_test::logic` made nothing");
    auto watched = std::make_unique<watched_logic>(std::move(made));
    logic_ = watched.get();
    run_.session_idle_max_us = idle_max_us(watched->info());
    auto state = make(std::move(watched));
    if (!state)
      throw std::runtime_error(state.error().message);
    state_ = std::move(*state);
  } catch (const std::exception& problem) {
    fail(fmt::format("{}: {}", during, problem.what()));
  }
}

void service_machine::fail(std::string_view what) const {
  run_.fail(fmt::format("replica {}: {}", replica_, what));
}

void service_machine::check(const applied_history::finding& found) const {
  if (found)
    run_.fail(*found);
}

std::unique_ptr<sim::simulated_machine> service_machine::copy(spi::replica_id replica) const {
  if (!state_)
    return std::make_unique<service_machine>(run_, replica);
  return std::unique_ptr<sim::simulated_machine>{new service_machine{run_, replica, *state_}};
}

sim::machine_answer service_machine::apply(const spi::committed_entry& entry) {
  sim::machine_answer out;
  if (!state_)
    return out;
  auto commands = logic_->commands();
  auto failure = run_.history.failure_of(entry.index);
  auto rows = failure ? state_->application_digest() : 0;
  auto answer = state_->apply(entry);
  if (!answer) {
    fail(fmt::format("applying entry {}: {}", entry.index, answer.error().message));
    return out;
  }
  out.bytes = std::move(*answer);
  check(run_.history.add_entry(replica_, entry,
                               {out.bytes, logic_->commands() != commands,
                                static_cast<std::uint64_t>(latest_stamp().count())}));
  if (failure && state_->application_digest() != rows)
    fail(fmt::format("the command of entry {} is answered with the error '{}', and has changed "
                     "rows",
                     entry.index, *failure));
  if (run_.service.sessions_last)
    check(run_.history.repeated_effect(entry, run_.session_idle_max_us));
  if (entry.index % inspection_interval == 0)
    inspect();
  return out;
}

void service_machine::inspect() const {
  if (!state_)
    return;
  check(run_.history.add_digest(replica_, state_->applied(), state_->digest()));
  ask_queries();
  if (auto wrong = broken_invariant())
    fail(fmt::format("after entry {}: {}", state_->applied(), *wrong));
}

/// Asks what another replica was asked in the same state; the first one chooses.
void service_machine::ask_queries() const {
  auto asked = run_.history.queries_after(state_->applied());
  auto count = run_.queries.size();
  if (asked.size() < queries_at_inspection)
    for (auto number = count - std::min<std::uint64_t>(count, queries_at_inspection);
         number < count; ++number)
      asked.push_back(number);
  for (auto number : asked)
    read(number);
}

std::optional<std::string> service_machine::broken_invariant() const {
  if (!run_.service.invariant)
    return std::nullopt;
  try {
    return run_.service.invariant([this](std::string_view query) {
      auto answer = state_->query(query);
      if (!answer)
        throw std::runtime_error("a query: " + answer.error().message);
      return std::move(*answer);
    });
  } catch (const std::exception& thrown) {
    return fmt::format("the invariant threw: {}", thrown.what());
  }
}

sim::machine_answer service_machine::read(std::uint64_t query) const {
  sim::machine_answer out;
  if (!state_)
    return out;
  auto answer = state_->query(run_.queries[query]);
  if (!answer) {
    fail(fmt::format("a query after entry {}: {}", state_->applied(), answer.error().message));
    return out;
  }
  out.bytes = std::move(*answer);
  check(run_.history.add_query(replica_, state_->applied(), query, out.bytes));
  return out;
}

std::optional<std::string> service_machine::admission_check(std::string_view command) const {
  if (!state_)
    return std::nullopt;
  try {
    auto objection = state_->admission_check(command);
    return objection ? std::optional{objection->message} : std::nullopt;
  } catch (const std::exception& thrown) {
    fail(fmt::format("the logic's admission_check threw: {}", thrown.what()));
    return std::nullopt;
  }
}

void service_machine::stamp(std::string& command, std::chrono::microseconds since_1970) const {
  stamp_command(command, static_cast<std::uint64_t>(since_1970.count()));
}

std::chrono::microseconds service_machine::latest_stamp() const {
  return state_ ? state_->latest_stamp() : std::chrono::microseconds{};
}

} // namespace atl::verify
