#include "register_service.hpp"

#include <atoll/sim/history_window.hpp>
#include <atoll/sim/linearizability.hpp>
#include <atoll/sim/register_machine.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::sim {

namespace {

std::string to_text(const register_value& it) {
  return it ? std::to_string(*it) : "nil";
}

/// The smallest set of operations that shows why no order explains a key.
void trace_window(const simulation_options& options, const history& seen, std::uint64_t key) {
  auto window = find_window(seen, key, {.steps_per_key = options.linearizability_steps});
  options.trace(fmt::format("no order explains what key {} did from {:.6f} to {:.6f}, whatever it "
                            "held before (clients are sessions, times are microseconds):",
                            key, static_cast<double>(window.first) / 1e6,
                            static_cast<double>(window.last) / 1e6));
  for (auto& it : window.operations)
    options.trace("  " + to_string(it));
}

/// Whether the violation is only the plugin's own report, and names no broken promise.
bool is_plugin_report(violation_kind kind) {
  return kind == violation_kind::threw || kind == violation_kind::stopped_itself;
}

} // namespace

register_service::register_service(const simulation_options& options, spi::random_source random)
    : options_{options}, clients_(options.workload.clients) {
  // Few keys cause conflicts, many keys spread the load: a run has one or the other.
  auto most = std::max(1U, options.workload.keys);
  keys_ = 1 + static_cast<std::uint32_t>(random.below(most));
  for (auto& client : clients_)
    client.number = ++sessions_;
}

std::unique_ptr<simulated_machine> register_service::make_machine(spi::replica_id) {
  return std::make_unique<register_machine>();
}

// -- operations -------------------------------------------------------------------------------

void register_service::begin(std::size_t index, spi::random_source& random, std::int64_t now) {
  auto& work = options_.workload;
  auto& client = clients_[index];
  auto registers = std::max(1U, keys_ / 2);
  client.current = {};
  client.current.client = client.number;
  client.current.key = random.below(keys_);
  client.current.invoked = now;
  auto counter = client.current.key >= registers;
  // Every second client rarely writes, so that reads happen while writes wait.
  if (random.chance(index % 2 == 0 ? work.reads : std::max(work.reads, 0.9))) {
    client.current.kind = operation_kind::read;
  } else if (counter) {
    client.current.kind = operation_kind::add;
    client.current.argument = random.between(1, 3);
  } else {
    client.current.kind = random.chance(0.7) ? operation_kind::write : operation_kind::cas;
    client.current.argument = ++values_;
    if (client.current.kind == operation_kind::cas && random.chance(0.9))
      client.current.expected = std::max<std::int64_t>(1, values_ - random.between(1, 8));
  }
  ++client.sequence;
}

client_request register_service::attempt(std::size_t index, std::uint64_t number) {
  auto& client = clients_[index];
  auto& wanted = client.current;
  if (wanted.kind == operation_kind::read)
    return {std::nullopt, wanted.key, 0};
  register_command command{number,         client.number, client.sequence,
                           wanted.key,     wanted.kind,   wanted.argument.value_or(0),
                           wanted.expected};
  return {encode(command, options_.workload.payload), 0, number};
}

void register_service::finish(std::size_t index, operation_outcome outcome, const answer& reply,
                              std::int64_t now) {
  auto& client = clients_[index];
  client.current.outcome = outcome;
  client.current.returned = now;
  if (outcome == operation_outcome::ok) {
    client.current.result = reply.result.result;
    client.current.matched = reply.result.matched;
  }
  history_.push_back(client.current);
  if (outcome == operation_outcome::unknown) {
    client.number = ++sessions_; // the open attempts of the old session may still take effect
    client.sequence = 0;
  }
}

/// A broken promise takes precedence over the plugin's own report.
void register_service::conclude(simulation_report& report) {
  auto checked = check_linearizable(history_, {.steps_per_key = options_.linearizability_steps});
  report.checked = checked.what != verdict::gave_up;
  if (checked.what == verdict::not_linearizable && (report.ok || is_plugin_report(report.kind))) {
    auto besides = report.ok ? std::string{} : "; besides, " + report.reason;
    report.ok = false;
    report.kind = violation_kind::not_linearizable;
    report.failed_at = checked.stuck.outcome == operation_outcome::ok ? checked.stuck.returned
                                                                      : checked.stuck.invoked;
    report.reason = "the history is not linearizable: " + checked.reason + besides;
    if (options_.trace)
      trace_window(options_, history_, checked.key);
  }
  report.operations = std::move(history_);
}

std::uint64_t register_service::tag_of(std::string_view command) const {
  auto decoded = decode_command(command);
  return decoded ? decoded->tag : 0;
}

// -- texts ------------------------------------------------------------------------------------

std::string register_service::name_of_operation(std::size_t client) const {
  return fmt::format("operation {} of session {}", clients_[client].sequence,
                     clients_[client].number);
}

std::string register_service::describe_outcome(std::size_t client) const {
  return to_string(clients_[client].current);
}

std::string register_service::describe_command(std::string_view command) const {
  return atl::sim::describe_command(command);
}

std::string register_service::describe_query(std::uint64_t key) const {
  return fmt::format("read k{}", key);
}

std::string register_service::describe_answer(std::uint64_t key, const answer& reply) const {
  if (reply.kind == answer_kind::read)
    return fmt::format("k{} is {}", key, to_text(reply.result.result));
  return fmt::format("done at {}{}", reply.index,
                     reply.result.result    ? ", now " + to_text(reply.result.result)
                     : reply.result.matched ? ""
                                            : ", no match");
}

} // namespace atl::sim
