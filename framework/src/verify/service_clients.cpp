#include "service_clients.hpp"

#include <atoll/core/group_birth.hpp>
#include <atoll/core/state/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
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

/// The certificate of the simulated group, with the initial replicas as its founders.
std::string birth_of(const sim::simulation_options& options) {
  group_birth birth{"0123456789abcdef0123456789abcdef", "simulation", {}, {}, {}};
  for (std::uint32_t i = 0; i < options.replicas; ++i) {
    auto id = options.ids.empty() ? spi::replica_id{i + 1} : options.ids[i];
    auto name = fmt::format("replica {}", i + 1);
    birth.founders.push_back({id, name, fmt::format("127.0.0.1:{}", 7301 + i), "disk of " + name});
  }
  return encode(birth);
}

} // namespace

service_clients::service_clients(const service_under_test& service,
                                 const sim::simulation_options& options, spi::random_source random)
    : reads_{service.query ? options.workload.reads : 0}, random_{random},
      run_{service, birth_of(options), 0, {}, {}, [this](std::string_view what) { violate(what); }},
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
  client.is_answered = false;
}

std::uint64_t service_clients::number_of(std::string query) {
  auto [found, is_new] = query_numbers_.try_emplace(std::move(query), run_.queries.size());
  if (is_new)
    run_.queries.push_back(found->first);
  return found->second;
}

// -- operations -------------------------------------------------------------------------------

void service_clients::begin(std::size_t index, spi::random_source& random, std::int64_t) {
  try {
    draw_operation(users_[index], index % 2 == 1, random);
  } catch (const std::exception& thrown) { // of the author's functions
    violate(fmt::format("drawing a command or a query threw: {}", thrown.what()));
  }
}

/// @param asks whether the client mostly asks, so that queries run while commands wait
void service_clients::draw_operation(user& client, bool asks, spi::random_source& random) {
  client.effects_seen = effects_seen_;
  if (reads_ > 0 && random.chance(asks ? std::max(reads_, 0.9) : reads_)) {
    client.query = number_of(run_.service.query(random));
    client.present = operation::query;
    return;
  }
  if (client.is_answered && random.chance(0.2)) {
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
  client.is_answered = false;
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
  if (outcome != sim::operation_outcome::ok)
    return on_no_answer(client, outcome);
  client.outcome = describe_answer(client.query, reply);
  if (client.present == operation::query)
    on_query_answered(client, reply);
  else
    on_command_answered(client, reply);
  see_effects(reply.index);
}

void service_clients::on_no_answer(user& client, sim::operation_outcome outcome) {
  auto is_refused = outcome == sim::operation_outcome::failed;
  client.outcome = is_refused ? "refused" : "unknown";
  if (client.present != operation::command)
    return;
  if (auto found =
          is_refused ? run_.history.add_refusal({client.session, client.sequence}) : std::nullopt)
    violate(*found);
  // Attempts may still be under way, and a session begins with its first command.
  open_session(client);
}

void service_clients::on_command_answered(user& client, const sim::answer& reply) {
  auto& bytes = reply.result.bytes;
  auto command =
      fmt::format("command {} of session {}", client.sequence, to_string(client.session));
  if (is_session_expired(bytes)) {
    auto used = run_.history.last_effect(client.session, reply.index);
    auto may_have_ended =
        used != 0 && run_.history.time_between(used, reply.index) > run_.session_idle_max_us;
    if (run_.service.sessions_last && !may_have_ended)
      violate(fmt::format("{} is answered, at entry {}, that its session is unknown", command,
                          reply.index));
    return open_session(client);
  }
  auto effect = run_.history.last_effect({client.session, client.sequence}, reply.index);
  if (effect == 0)
    return violate(
        fmt::format("{} is answered at entry {}, and never took effect", command, reply.index));
  auto& first_answer = run_.history.answer(effect);
  if (run_.service.sessions_last && first_answer != bytes)
    return violate(fmt::format("{} was answered '{}' at entry {}, and its repetition at entry {} "
                               "'{}'",
                               command, printable(first_answer), effect, reply.index,
                               printable(bytes)));
  client.is_answered = true;
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

std::string service_clients::describe_answer(std::uint64_t, const sim::answer& reply) const {
  auto& bytes = reply.result.bytes;
  auto tag = bytes.size() > 1 ? static_cast<std::uint8_t>(bytes[1]) : plain_answer_tag;
  auto content = decode_answer(bytes, tag == error_answer_tag ? plain_answer_tag : tag);
  return fmt::format(
      "{} {}: {}", reply.kind == sim::answer_kind::read ? "read at" : "done at", reply.index,
      content ? fmt::format("'{}'", printable(*content)) : "error: " + content.error().message);
}

} // namespace atl::verify
