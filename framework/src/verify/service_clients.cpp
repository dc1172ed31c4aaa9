#include "service_clients.hpp"

#include <atoll/core/state/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace atl::verify {

namespace {

/// Bytes as a line for people, cut.
std::string printable(std::string_view bytes) {
  constexpr std::size_t length_max = 60;
  std::string out;
  for (unsigned char c : bytes.substr(0, length_max))
    out += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
  return bytes.size() > length_max ? out + "…" : out;
}

/// Does no session end during a run? The state's time may pass twice as fast as the simulation's.
bool can_rely_on_sessions(const service_under_test& service,
                          const sim::simulation_options& options) {
  auto expiry = service.logic()->info().session_expiry;
  constexpr std::chrono::seconds clocks_differ_by{20};
  auto longest = 2 * (options.duration + 2 * options.liveness_bound) + clocks_differ_by;
  return service.sessions_last && (expiry.count() == 0 || expiry > longest);
}

} // namespace

service_clients::service_clients(const service_under_test& service,
                                 const sim::simulation_options& options, spi::random_source random)
    : reads_{service.query ? options.workload.reads : 0}, random_{random},
      run_{service,
           can_rely_on_sessions(service, options),
           {},
           {},
           [this](std::string_view what) { violate(what); }},
      users_(options.workload.clients) {
  for (auto& client : users_)
    open_session(client);
}

std::unique_ptr<sim::simulated_machine> service_clients::make_machine(spi::replica_id replica) {
  return std::make_unique<service_machine>(run_, replica);
}

void service_clients::open_session(user& client) {
  client.session = {random_.next(), random_.next()};
  client.sequence = 0;
  client.first_answer.reset();
}

std::uint64_t service_clients::number_of(std::string query) {
  auto [found, is_new] = query_numbers_.try_emplace(std::move(query), run_.queries.size());
  if (is_new)
    run_.queries.push_back(found->first);
  return found->second;
}

// -- operations -------------------------------------------------------------------------------

void service_clients::begin(std::size_t index, spi::random_source& random, std::int64_t) {
  auto& client = users_[index];
  client.effects_seen = effects_seen_;
  // Every second client mostly asks, so that queries run while commands wait.
  if (reads_ > 0 && random.chance(index % 2 == 0 ? reads_ : std::max(reads_, 0.9))) {
    client.present = operation::query;
    client.query = number_of(run_.service.query(random));
    return;
  }
  if (client.first_answer && random.chance(0.2)) {
    client.present = operation::repetition;
    return;
  }
  if (random.chance(0.05))
    open_session(client);
  auto next = run_.service.command(random);
  client.present = operation::command;
  ++client.sequence;
  client.type = next.type;
  client.body = std::move(next.body);
  client.first_answer.reset();
}

sim::client_request service_clients::attempt(std::size_t index, std::uint64_t) {
  auto& client = users_[index];
  if (client.present == operation::query)
    return {std::nullopt, client.query, 0};
  return {encode(session_command{client.session, client.sequence, 0, {client.type, client.body}}),
          0, 0};
}

void service_clients::finish(std::size_t index, sim::operation_outcome outcome,
                             const sim::answer& reply, std::int64_t) {
  auto& client = users_[index];
  if (outcome != sim::operation_outcome::ok) {
    client.outcome = outcome == sim::operation_outcome::failed ? "refused" : "unknown";
    // Attempts may still be under way, and a session begins with its first command.
    if (client.present == operation::command)
      open_session(client);
    return;
  }
  client.outcome = describe_answer(client.query, reply);
  if (client.present == operation::query)
    on_query_answered(client, reply);
  else
    on_command_answered(client, reply);
  see_effects(reply.index);
}

void service_clients::on_command_answered(user& client, const sim::answer& reply) {
  auto& bytes = reply.result.bytes;
  auto command =
      fmt::format("command {} of session {}", client.sequence, to_string(client.session));
  if (is_session_expired(bytes)) {
    if (run_.sessions_last)
      violate(fmt::format("{} is answered, at entry {}, that its session is unknown", command,
                          reply.index));
    return open_session(client);
  }
  if (!run_.history.took_effect(client.session, client.sequence))
    return violate(
        fmt::format("{} is answered at entry {}, and never took effect", command, reply.index));
  if (run_.sessions_last && client.first_answer && *client.first_answer != bytes)
    return violate(fmt::format("{} was answered '{}', and its repetition at entry {} '{}'", command,
                               printable(*client.first_answer), reply.index, printable(bytes)));
  client.first_answer = bytes;
}

void service_clients::on_query_answered(const user& client, const sim::answer& reply) {
  auto shown = run_.history.effects_up_to(reply.index);
  if (shown < client.effects_seen)
    violate(fmt::format("a query is answered from the state after entry {}, which has {} commands; "
                        "before it was asked, clients had answers that show {}",
                        reply.index, shown, client.effects_seen));
}

void service_clients::see_effects(spi::log_index index) {
  effects_seen_ = std::max(effects_seen_, run_.history.effects_up_to(index));
}

void service_clients::inspect(const sim::simulated_machine& machine) {
  dynamic_cast<const service_machine&>(machine).inspect();
}

// -- texts ------------------------------------------------------------------------------------

std::string service_clients::name_of_operation(std::size_t index) const {
  auto& client = users_[index];
  if (client.present == operation::query)
    return "a query";
  return fmt::format("{}command {} of session {}",
                     client.present == operation::repetition ? "again " : "", client.sequence,
                     to_string(client.session));
}

std::string service_clients::describe_outcome(std::size_t index) const {
  return users_[index].outcome;
}

std::string service_clients::describe_command(std::string_view bytes) const {
  auto it = decode_session_command(bytes);
  if (!it)
    return fmt::format("{} bytes", bytes.size());
  return fmt::format("command {} '{}'", it->command.type, printable(it->command.body));
}

std::string service_clients::describe_query(std::uint64_t query) const {
  return query < run_.queries.size() ? fmt::format("query '{}'", printable(run_.queries[query]))
                                     : "a query";
}

std::string service_clients::describe_answer(std::uint64_t, const sim::answer& it) const {
  auto& bytes = it.result.bytes;
  auto tag = bytes.size() > 1 ? static_cast<std::uint8_t>(bytes[1]) : plain_answer_tag;
  auto content = decode_answer(bytes, tag == error_answer_tag ? plain_answer_tag : tag);
  return fmt::format(
      "{} {}: {}", it.kind == sim::answer_kind::read ? "read at" : "done at", it.index,
      content ? fmt::format("'{}'", printable(*content)) : "error: " + content.error().message);
}

} // namespace atl::verify
