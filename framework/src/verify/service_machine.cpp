#include "service_machine.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace atl::verify {

namespace {

/// All rows are read after so many entries: rarely enough to take less time than the protocol.
constexpr spi::log_index inspection_interval = 16;

} // namespace

service_machine::service_machine(service_run_facts& run, spi::replica_id replica)
    : run_{run}, replica_{replica} {
  use(memory_state::create(make_logic()), "the first start");
}

service_machine::service_machine(service_run_facts& run, spi::replica_id replica,
                                 const memory_state& from)
    : run_{run}, replica_{replica} {
  use(from.copy(make_logic()), "a start");
}

std::unique_ptr<service_logic> service_machine::make_logic() {
  auto watched = std::make_unique<watched_logic>(run_.service.logic());
  logic_ = watched.get();
  return watched;
}

void service_machine::use(result<std::unique_ptr<memory_state>> state, std::string_view during) {
  if (state)
    state_ = std::move(*state);
  else
    fail(fmt::format("{}: {}", during, state.error().message));
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
  auto answer = state_->apply(entry);
  if (!answer) {
    fail(fmt::format("applying entry {}: {}", entry.index, answer.error().message));
    return out;
  }
  out.bytes = std::move(*answer);
  check(run_.history.add_entry(replica_, entry, out.bytes, logic_->commands() != commands));
  if (run_.sessions_last)
    check(run_.history.repeated_effect(entry));
  if (entry.index % inspection_interval == 0)
    inspect();
  return out;
}

void service_machine::inspect() const {
  if (!state_)
    return;
  check(run_.history.add_digest(replica_, state_->applied(), state_->digest()));
  if (auto wrong = broken_invariant())
    fail(fmt::format("after entry {}: {}", state_->applied(), *wrong));
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
  auto objection = state_ ? state_->admission_check(command) : std::nullopt;
  return objection ? std::optional{objection->message} : std::nullopt;
}

void service_machine::stamp(std::string& command, std::chrono::microseconds since_1970) const {
  stamp_command(command, static_cast<std::uint64_t>(since_1970.count()));
}

std::chrono::microseconds service_machine::latest_stamp() const {
  return state_ ? state_->latest_stamp() : std::chrono::microseconds{};
}

} // namespace atl::verify
