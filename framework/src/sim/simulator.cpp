#include "simulator.hpp"

#include "register_service.hpp"
#include "renamed_protocol.hpp"

#include <fmt/ranges.h>

#include <stdexcept>
#include <utility>

namespace atl::sim {

namespace {

std::unique_ptr<simulated_service> make_service(const simulation_options& options,
                                                spi::random_source random) {
  return options.service ? options.service(options, random)
                         : std::make_unique<register_service>(options, random);
}

} // namespace

simulator::simulator(const simulation_options& options, const consensus_factory& factory,
                     const fault_rates& rates)
    : options_{options}, factory_{options.ids.empty() ? factory : with_ids(factory, options.ids)},
      faults_{options.seed, options_.choice.only}, rates_{rates},
      network_{options.replicas + options.spares, faults_}, checker_{options.propose_once, now_},
      service_{make_service(options_, faults_.stream(purpose::workload))} {
  observe_checks();
  service_->violate = [this](std::string_view what) {
    violate(violation_kind::service_broken, what);
  };
  auto birth = faults_.stream(purpose::birth);
  for (spi::replica_id id = 1; id <= options.replicas; ++id)
    voters_.push_back(id);
  for (spi::replica_id id = 1; id <= options.replicas + options.spares; ++id) {
    replicas_.push_back(std::make_unique<sim_replica>(*this, id));
    if (id > options.replicas)
      replicas_.back()->set_undeployed();
  }
  for (auto& replica : replicas_) {
    if (rates_.drift_ppm > 0)
      replica->drift(birth.between(-rates_.drift_ppm, rates_.drift_ppm));
    at_time(now_ + birth.between(0, 1'000), event_kind::restart, replica->id(), 0);
  }
}

std::unique_ptr<spi::consensus> simulator::make_protocol(spi::replica_id id,
                                                         std::uint64_t incarnation) {
  auto seed = combine(combine(options_.seed, id), incarnation);
  auto made = factory_({options_.protocol_options, id, voters_, seed, incarnation});
  if (!made)
    throw std::runtime_error{"its factory creates nothing"};
  return made;
}

std::unique_ptr<consensus_driver> simulator::make_driver(consensus_driver::environment& env,
                                                         spi::consensus& protocol) const {
  return options_.make_driver ? options_.make_driver(env, protocol)
                              : std::make_unique<consensus_driver>(env, protocol);
}

void simulator::observe_checks() {
  checker_.on_violation = [this](const std::string& what) {
    trace("VIOLATION: {}", what);
    emit([&] { return run_event{.what = run_event_kind::violated, .text = what}; });
  };
  if (observed() || tracing())
    faults_.on_fault = [this](const fault_id& it) {
      auto name = format_faults({it});
      trace("fault {}: {}", name, describe(it));
      emit([&] { return run_event{.what = run_event_kind::fault, .text = name}; });
    };
}

void simulator::trace_line(std::string text) {
  options_.trace(fmt::format("{:12.6f} {}", static_cast<double>(now_) / 1e6, text));
}

// -- time -------------------------------------------------------------------------------------

bool simulator::step() {
  if (queue_.empty() || !checker_.ok())
    return false;
  auto next = queue_.pop();
  now_ = next.at;
  ++stats_.events;
  dispatch(next);
  return checker_.ok();
}

void simulator::run_until(std::int64_t at) {
  while (checker_.ok() && !queue_.empty() && queue_.top().at <= at)
    step();
  if (checker_.ok())
    now_ = std::max(now_, at);
}

void simulator::dispatch(const event& event) {
  switch (event.kind) {
  case event_kind::client:
    return on_client(event.arg);
  case event_kind::response:
    return on_response(event.arg);
  case event_kind::fault_injector:
    return on_fault_due(event.arg);
  case event_kind::admin:
    return on_admin();
  case event_kind::restart:
    return restart(at(event.replica));
  default:
    break;
  }
  auto& host = at(event.replica);
  if (host.up() && now_ < host.paused_until()) {
    queue_.push({host.paused_until(), 0, event.arg, event.incarnation, event.replica, event.kind});
    return;
  }
  hash_ = combine(hash_, (static_cast<std::uint64_t>(event.at) << 16) ^
                             (static_cast<std::uint64_t>(event.replica) << 8) ^
                             static_cast<std::uint64_t>(event.kind));
  deliver_event(host, event);
}

void simulator::restart(sim_replica& replica) {
  if (!replica.up() && !replica.is_awaiting_admission() && !replica.stopped_itself() &&
      !replica.is_undeployed())
    replica.start();
}

/// A state machine rejects a member under an id that has made promises before, even if the change
/// was requested before the disk was wiped. 0: none.
spi::replica_id simulator::wiped_member(const spi::members_changed& wanted) {
  for (auto* list : {&wanted.voters, &wanted.learners})
    for (auto id : *list)
      if (!at(id).group_membership().in_group())
        return id;
  return 0;
}

void simulator::deliver_event(sim_replica& replica, const event& event) {
  // Always takes the object out of its slot, even if the receiver is down.
  auto alive =
      replica.up() && (event.incarnation == 0 || event.incarnation == replica.incarnation());
  switch (event.kind) {
  case event_kind::deliver:
    return arrive(packets_.take(event.arg));
  case event_kind::request: {
    auto request = requests_.take(event.arg);
    emit_request(replica.id(), request);
    if (!alive)
      return answered(replica.id(), request.owner,
                      no_answer(answer_kind::refused, "the replica is down"));
    if (auto wiped = request.members ? wiped_member(*request.members) : 0; wiped != 0)
      return answered(
          replica.id(), request.owner,
          no_answer(
              answer_kind::refused,
              fmt::format("the disk of replica {} was wiped: its id isn't used again", wiped)));
    if (request.members)
      return replica.reconfigure(request.owner, std::move(*request.members));
    if (!request.command)
      return replica.read(request.owner, request.level);
    return replica.propose(std::move(*request.command), request.owner);
  }
  case event_kind::validated: {
    auto answer = validation_results_.take(event.arg);
    if (alive)
      replica.on_validated(answer.ticket, std::move(answer.rejection));
    return;
  }
  case event_kind::admission:
    if (replica.is_awaiting_admission() && event.incarnation == replica.incarnation())
      replica.ask_for_admission();
    return;
  default:
    break;
  }
  if (!alive)
    return;
  switch (event.kind) {
  case event_kind::timer:
    return replica.on_timer(static_cast<std::int64_t>(event.arg));
  case event_kind::synced:
    return replica.on_synced();
  case event_kind::crash:
    replica.crash("in the middle of a sync");
    return at_time(now_ + replica.random().between(1'000, 300'000), event_kind::restart,
                   replica.id(), 0);
  case event_kind::drain:
    return replica.on_drain();
  case event_kind::apply:
    return replica.on_apply();
  case event_kind::flush:
    return replica.on_flush();
  case event_kind::unreachable:
    return replica.on_unreachable(static_cast<spi::replica_id>(event.arg));
  case event_kind::snapshot_sent:
    return replica.on_snapshot_sent(static_cast<spi::replica_id>(event.arg >> 1),
                                    (event.arg & 1) != 0);
  default:
    return;
  }
}

// -- messages ---------------------------------------------------------------------------------

void simulator::hint_unreachable(spi::replica_id at, spi::replica_id peer) {
  auto& sender = this->at(at);
  if (auto details = should_inject(sender.points().unreachable, rates_.unreachable_hint))
    at_time(now_ + details->between(100, 5'000), event_kind::unreachable, at, sender.incarnation(),
            peer);
}

void simulator::trace_sent(spi::replica_id from, spi::replica_id to, std::string_view what,
                           const sim_network::arrivals& arrivals) {
  if (!tracing())
    return;
  auto text = fmt::format("{} {} leaves replica {} for {}", what, stats_.messages, from, to);
  if (arrivals.count == 0)
    text += network_.is_cut(from, to) ? ", and is dropped: the link is cut"
                                      : ", and is dropped: it gets lost";
  else if (arrivals.count > 1)
    text += fmt::format(", and will come {} times", arrivals.count);
  trace_line(std::move(text));
}

void simulator::send(spi::replica_id from, spi::replica_id to, std::string bytes,
                     spi::persist_token waited_for) {
  auto number = ++stats_.messages;
  note(hash_bytes(bytes));
  if (waited_for != 0)
    trace("what replica {} kept back for {} until {} is on disk may go", from, to, waited_for);
  if (filter_) {
    auto what = filter_(from, to, bytes);
    if (what != filter_action::pass) {
      trace("message {} from {} to {} is {} by the script", number, from, to,
            what == filter_action::hold ? "held" : "dropped");
      emit_message(run_event_kind::lost, from, to, bytes.size());
      if (what == filter_action::hold)
        held_.push_back({from, to, std::move(bytes), nullptr, number, now_});
      return;
    }
  }
  if (packets_.size() > options_.limits.in_flight)
    violate(violation_kind::unbounded,
            fmt::format("{} messages are on their way", packets_.size()));
  auto arrivals = network_.send(from, to, now_, rates_, faults_);
  trace_sent(from, to, "message", arrivals);
  emit_message(arrivals.count > 0 ? run_event_kind::sent : run_event_kind::lost, from, to,
               bytes.size());
  if (arrivals.count == 0) {
    ++stats_.dropped;
    hint_unreachable(from, to);
  }
  for (std::uint32_t i = 1; i < arrivals.count; ++i)
    at_time(arrivals.at[i - 1], event_kind::deliver, to, 0,
            packets_.put({from, to, bytes, nullptr, number, now_}));
  if (arrivals.count > 0)
    at_time(arrivals.at[arrivals.count - 1], event_kind::deliver, to, 0,
            packets_.put({from, to, std::move(bytes), nullptr, number, now_}));
}

void simulator::send_snapshot(spi::replica_id from, spi::replica_id to, const std::string& blob,
                              const machine_image& image) {
  auto number = ++stats_.messages;
  auto arrivals = network_.send(from, to, now_, rates_, faults_);
  trace_sent(from, to, "snapshot", arrivals);
  emit_message(arrivals.count > 0 ? run_event_kind::sent : run_event_kind::lost, from, to,
               blob.size());
  auto took = at(from).random().between(2'000, 60'000);
  auto arg = static_cast<std::uint64_t>(to) << 1;
  for (std::uint32_t i = 0; i < arrivals.count; ++i)
    at_time(arrivals.at[i] + took, event_kind::deliver, to, 0,
            packets_.put({from, to, blob, image, number, now_}));
  at_time(now_ + took + 1'000, event_kind::snapshot_sent, from, at(from).incarnation(),
          arg | (arrivals.count > 0 ? 1 : 0));
}

void simulator::arrive(packet arrived) {
  auto& to = at(arrived.to);
  auto misses = !to.up() || network_.is_cut(arrived.from, arrived.to);
  emit([&] {
    return run_event{.what = misses ? run_event_kind::missed : run_event_kind::arrived,
                     .replica = arrived.to,
                     .peer = arrived.from,
                     .number = arrived.number,
                     .bytes = arrived.bytes.size(),
                     .since = arrived.sent_at};
  });
  auto left_at = static_cast<double>(arrived.sent_at) / 1e6;
  if (misses) {
    trace("message {} from {}, which left at {:.6f}, is dropped: {}", arrived.number, arrived.from,
          left_at, to.up() ? "the link is cut" : fmt::format("replica {} is down", arrived.to));
    ++stats_.dropped;
    return hint_unreachable(arrived.from, arrived.to);
  }
  trace("{} {}, {} bytes, comes from {} to replica {}; it left at {:.6f}",
        arrived.image ? "snapshot" : "message", arrived.number, arrived.bytes.size(), arrived.from,
        arrived.to, left_at);
  if (arrived.image)
    to.take_snapshot(arrived.image->index(), arrived.bytes, arrived.image);
  else
    to.deliver(arrived.from, arrived.bytes);
}

std::optional<membership_response> simulator::ask_membership(spi::replica_id from,
                                                             spi::replica_id to) {
  auto& peer = at(to);
  auto runs = (peer.up() || peer.is_awaiting_admission()) && now_ >= peer.paused_until();
  if (!runs || !network_.is_open(from, to, now_) || !network_.is_open(to, from, now_))
    return std::nullopt;
  return peer.group_membership().answer(at(from).group_membership().folder());
}

void simulator::release_held() {
  auto held = std::exchange(held_, {});
  for (auto& packet : held) {
    auto to = packet.to;
    at_time(now_ + 1, event_kind::deliver, to, 0, packets_.put(std::move(packet)));
  }
}

void simulator::emit_request(spi::replica_id to, const request& what) {
  emit([&] {
    run_event event{.what = run_event_kind::asked, .replica = to, .number = what.owner.client};
    if (what.members)
      event.text = fmt::format("voters {}", fmt::join(what.members->voters, ","));
    else if (what.command)
      event.text = service_->describe_command(*what.command);
    else
      event.text = service_->describe_query(what.owner.query);
    return event;
  });
}

// -- faults -----------------------------------------------------------------------------------

bool simulator::crash_point(sim_replica& replica) {
  // Effects are counted from 1; the crash happens before the effect with this number.
  if (crash_at_ != 0 && stats_.effects + 1 >= crash_at_) {
    crash_at_ = 0;
    if (crash_all_replicas_)
      crash_all("at the chosen effect");
    else
      replica.crash("at the chosen effect");
    for (auto& other : replicas_)
      if (!other->up())
        at_time(now_ + 300'000, event_kind::restart, other->id(), 0);
    return !replica.up();
  }
  auto details = should_inject(replica.points().batch_crash, rates_.crash_in_batch);
  if (!details)
    return false;
  replica.crash("between two effects");
  at_time(now_ + details->between(10'000, 2'000'000), event_kind::restart, replica.id(), 0);
  return true;
}

void simulator::crash_at_effect(std::uint64_t number, bool all_replicas) {
  crash_at_ = number;
  crash_all_replicas_ = all_replicas;
}

void simulator::crash_all(std::string_view why) {
  for (auto& replica : replicas_)
    replica->crash(why);
}

void simulator::heal() {
  trace("all faults stop");
  emit([] { return run_event{.what = run_event_kind::all_healed}; });
  network_.heal();
  auto healed = fault_rates{};
  healed.delay_min = rates_.delay_min;
  healed.delay_jitter = std::min<std::int64_t>(rates_.delay_jitter, 2'000);
  healed.sync_min = rates_.sync_min;
  healed.flush_every = rates_.flush_every;
  rates_ = healed;
  for (auto& replica : replicas_) {
    replica->drift(0);
    replica->pause_until(0);
    if (!replica->up())
      at_time(now_ + 1, event_kind::restart, replica->id(), 0);
  }
}

// -- requests ---------------------------------------------------------------------------------

void simulator::validated(spi::replica_id id, std::uint64_t incarnation, std::uint64_t ticket,
                          std::optional<std::string> objection) {
  auto& replica = at(id);
  if (should_inject(replica.points().objection, rates_.objection) || replica.rejects_validations())
    objection = "the state machine objects";
  auto after = rates_.lazy_drain > 0 ? replica.random().between(0, 2'000) : 0;
  at_time(now_ + after, event_kind::validated, id, incarnation,
          validation_results_.put({ticket, std::move(objection)}));
}

void simulator::request_at(std::int64_t at, spi::replica_id to, const request_owner& owner,
                           spi::read_level level, std::optional<std::string> command) {
  at_time(at, event_kind::request, to, 0, requests_.put({owner, std::move(command), {}, level}));
}

void simulator::reconfigure_at(std::int64_t at, spi::replica_id to, const request_owner& owner,
                               spi::members_changed wanted) {
  at_time(at, event_kind::request, to, 0,
          requests_.put({owner, {}, std::move(wanted), spi::read_level::linearizable}));
}

run_event simulator::describe_reply(spi::replica_id by, const request_owner& owner,
                                    const answer& what) {
  run_event event{.what = run_event_kind::answered, .replica = by, .number = owner.client};
  switch (what.kind) {
  case answer_kind::applied:
  case answer_kind::read:
    event.text = service_->describe_answer(owner.query, what);
    break;
  case answer_kind::refused:
    event.text = "refused: " + what.reason;
    break;
  case answer_kind::pending:
  case answer_kind::unknown:
  case answer_kind::lost:
    event.text = "unknown: " + what.reason;
  }
  return event;
}

void simulator::answered(spi::replica_id by, const request_owner& owner, answer what) {
  if (tracing() && owner.client != script_client)
    trace_line(fmt::format("replica {} answers {}: {}", by,
                           owner.client == admin_client ? std::string{"the administrator"}
                                                        : fmt::format("attempt {} of client {}",
                                                                      owner.attempt, owner.client),
                           describe_reply(by, owner, what).text));
  emit([&] { return describe_reply(by, owner, what); });
  note((owner.attempt << 3) ^ static_cast<std::uint64_t>(what.kind));
  if (owner.client == admin_client) {
    if (on_admin_answer)
      on_admin_answer(owner, what);
  } else if (on_answer)
    on_answer(owner, std::move(what));
}

} // namespace atl::sim
