#include "simulator.hpp"

#include "renamed_protocol.hpp"

#include <fmt/ranges.h>

#include <stdexcept>
#include <utility>

namespace atl::sim {

namespace {

std::string to_text(const register_value& it) {
  return it ? std::to_string(*it) : "nil";
}

run_event reply(spi::replica_id by, const request_owner& owner, const answer& what) {
  run_event it{.what = run_event_kind::answered, .replica = by, .number = owner.client};
  switch (what.kind) {
  case answer_kind::applied:
    it.text = fmt::format("done at {}{}", what.index,
                          what.result.result    ? ", now " + to_text(what.result.result)
                          : what.result.matched ? ""
                                                : ", no match");
    break;
  case answer_kind::read:
    it.text = fmt::format("k{} is {}", owner.key, to_text(what.result.result));
    break;
  case answer_kind::refused:
    it.text = "refused: " + what.reason;
    break;
  case answer_kind::pending:
  case answer_kind::unknown:
  case answer_kind::lost:
    it.text = "unknown: " + what.reason;
  }
  return it;
}

} // namespace

simulator::simulator(const simulation_options& options, const consensus_factory& factory,
                     const fault_rates& rates)
    : options_{options}, factory_{options.ids.empty() ? factory : with_ids(factory, options.ids)},
      faults_{options.seed, options_.choice}, rates_{rates},
      network_{options.replicas + options.spares, faults_}, checker_{options.propose_once, now_} {
  watch();
  auto birth = faults_.stream(purpose::birth);
  for (spi::replica_id id = 1; id <= options.replicas; ++id)
    voters_.push_back(id);
  for (spi::replica_id id = 1; id <= options.replicas + options.spares; ++id) {
    replicas_.push_back(std::make_unique<sim_replica>(*this, id));
    if (id > options.replicas)
      replicas_.back()->set_absent();
  }
  for (auto& it : replicas_) {
    if (rates_.drift_ppm > 0)
      it->drift(birth.between(-rates_.drift_ppm, rates_.drift_ppm));
    at_time(now_ + birth.between(0, 1'000), event_kind::restart, it->id(), 0);
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

void simulator::watch() {
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

void simulator::dispatch(const event& it) {
  switch (it.kind) {
  case event_kind::client:
    return on_client(it.arg);
  case event_kind::response:
    return on_response(it.arg);
  case event_kind::fault_injector:
    return on_fault_due(it.arg);
  case event_kind::admin:
    return on_admin();
  case event_kind::restart:
    return restart(at(it.replica));
  default:
    break;
  }
  auto& host = at(it.replica);
  if (host.up() && now_ < host.paused_until()) {
    queue_.push({host.paused_until(), 0, it.arg, it.incarnation, it.replica, it.kind});
    return;
  }
  hash_ = combine(hash_, (static_cast<std::uint64_t>(it.at) << 16) ^
                             (static_cast<std::uint64_t>(it.replica) << 8) ^
                             static_cast<std::uint64_t>(it.kind));
  deliver_event(host, it);
}

void simulator::restart(sim_replica& it) {
  if (!it.up() && !it.kept_out() && !it.stopped_itself() && !it.absent())
    it.start();
}

/// A state machine rejects a member under an id that has made promises before, even if the change
/// was requested before the disk was wiped. 0: none.
spi::replica_id simulator::wiped_member(const spi::members_changed& wanted) {
  for (auto* list : {&wanted.voters, &wanted.learners})
    for (auto id : *list)
      if (!at(id).belongs_to().in_group())
        return id;
  return 0;
}

void simulator::deliver_event(sim_replica& it, const event& what) {
  // Always takes the object out of its slot, even if the receiver is down.
  auto alive = it.up() && (what.incarnation == 0 || what.incarnation == it.incarnation());
  switch (what.kind) {
  case event_kind::deliver:
    return arrive(packets_.take(what.arg));
  case event_kind::request: {
    auto asked = requests_.take(what.arg);
    emit_request(it.id(), asked);
    if (!alive)
      return answered(it.id(), asked.owner,
                      {answer_kind::refused, 0, {}, 0, "the replica is down"});
    if (auto wiped = asked.members ? wiped_member(*asked.members) : 0; wiped != 0)
      return answered(
          it.id(), asked.owner,
          {answer_kind::refused,
           0,
           {},
           0,
           fmt::format("the disk of replica {} was wiped: its id isn't used again", wiped)});
    if (asked.members)
      return it.reconfigure(asked.owner, std::move(*asked.members));
    if (!asked.command)
      return it.read(asked.owner, asked.level);
    return it.propose(std::move(*asked.command), asked.owner);
  }
  case event_kind::validated: {
    auto answer = validation_answers_.take(what.arg);
    if (alive)
      it.on_validated(answer.ticket, answer.ok, answer.ok ? "" : "the state machine objects");
    return;
  }
  case event_kind::admission:
    if (it.kept_out() && what.incarnation == it.incarnation())
      it.ask_for_admission();
    return;
  default:
    break;
  }
  if (!alive)
    return;
  switch (what.kind) {
  case event_kind::timer:
    return it.on_timer(static_cast<std::int64_t>(what.arg));
  case event_kind::synced:
    return it.on_synced();
  case event_kind::crash:
    it.crash("in the middle of a sync");
    return at_time(now_ + it.random().between(1'000, 300'000), event_kind::restart, it.id(), 0);
  case event_kind::drain:
    return it.on_drain();
  case event_kind::apply:
    return it.on_apply();
  case event_kind::flush:
    return it.on_flush();
  case event_kind::unreachable:
    return it.on_unreachable(static_cast<spi::replica_id>(what.arg));
  case event_kind::snapshot_sent:
    return it.on_snapshot_sent(static_cast<spi::replica_id>(what.arg >> 1), (what.arg & 1) != 0);
  default:
    return;
  }
}

// -- messages ---------------------------------------------------------------------------------

void simulator::hint_unreachable(spi::replica_id at, spi::replica_id peer) {
  auto& told = this->at(at);
  if (auto details = should_inject(told.points().unreachable, rates_.unreachable_hint))
    at_time(now_ + details->between(100, 5'000), event_kind::unreachable, at, told.incarnation(),
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

void simulator::arrive(packet it) {
  auto& to = at(it.to);
  auto misses = !to.up() || network_.is_cut(it.from, it.to);
  emit([&] {
    return run_event{.what = misses ? run_event_kind::missed : run_event_kind::arrived,
                     .replica = it.to,
                     .peer = it.from,
                     .number = it.number,
                     .bytes = it.bytes.size(),
                     .since = it.sent_at};
  });
  auto left_at = static_cast<double>(it.sent_at) / 1e6;
  if (misses) {
    trace("message {} from {}, which left at {:.6f}, is dropped: {}", it.number, it.from, left_at,
          to.up() ? "the link is cut" : fmt::format("replica {} is down", it.to));
    ++stats_.dropped;
    return hint_unreachable(it.from, it.to);
  }
  trace("{} {}, {} bytes, comes from {} to replica {}; it left at {:.6f}",
        it.image ? "snapshot" : "message", it.number, it.bytes.size(), it.from, it.to, left_at);
  if (it.image)
    to.take_snapshot(it.image->index(), it.bytes, it.image);
  else
    to.deliver(it.from, it.bytes);
}

std::optional<membership_answer> simulator::ask_membership(spi::replica_id from,
                                                           spi::replica_id to) {
  auto& peer = at(to);
  auto runs = (peer.up() || peer.kept_out()) && now_ >= peer.paused_until();
  if (!runs || !network_.is_open(from, to, now_) || !network_.is_open(to, from, now_))
    return std::nullopt;
  return peer.belongs_to().answer(at(from).belongs_to().folder());
}

void simulator::release_held() {
  auto held = std::exchange(held_, {});
  for (auto& it : held) {
    auto to = it.to;
    at_time(now_ + 1, event_kind::deliver, to, 0, packets_.put(std::move(it)));
  }
}

void simulator::emit_request(spi::replica_id to, const request& what) {
  emit([&] {
    run_event it{.what = run_event_kind::asked, .replica = to, .number = what.owner.client};
    if (what.members)
      it.text = fmt::format("voters {}", fmt::join(what.members->voters, ","));
    else if (what.command)
      it.text = describe_command(*what.command);
    else
      it.text = fmt::format("read k{}", what.owner.key);
    return it;
  });
}

// -- faults -----------------------------------------------------------------------------------

bool simulator::crash_point(sim_replica& it) {
  // Effects are counted from 1; the crash happens before the effect with this number.
  if (crash_at_ != 0 && stats_.effects + 1 >= crash_at_) {
    crash_at_ = 0;
    if (crash_everybody_)
      crash_all("at the chosen effect");
    else
      it.crash("at the chosen effect");
    for (auto& other : replicas_)
      if (!other->up())
        at_time(now_ + 300'000, event_kind::restart, other->id(), 0);
    return !it.up();
  }
  auto details = should_inject(it.points().batch_crash, rates_.crash_in_batch);
  if (!details)
    return false;
  it.crash("between two effects");
  at_time(now_ + details->between(10'000, 2'000'000), event_kind::restart, it.id(), 0);
  return true;
}

void simulator::crash_at_effect(std::uint64_t number, bool everybody) {
  crash_at_ = number;
  crash_everybody_ = everybody;
}

void simulator::crash_all(std::string_view why) {
  for (auto& it : replicas_)
    it->crash(why);
}

void simulator::heal() {
  trace("all faults stop");
  emit([] { return run_event{.what = run_event_kind::all_healed}; });
  network_.heal();
  auto calm = fault_rates{};
  calm.delay_min = rates_.delay_min;
  calm.delay_jitter = std::min<std::int64_t>(rates_.delay_jitter, 2'000);
  calm.sync_min = rates_.sync_min;
  calm.flush_every = rates_.flush_every;
  rates_ = calm;
  for (auto& it : replicas_) {
    it->drift(0);
    it->pause_until(0);
    if (!it->up())
      at_time(now_ + 1, event_kind::restart, it->id(), 0);
  }
}

// -- requests ---------------------------------------------------------------------------------

void simulator::validated(spi::replica_id id, std::uint64_t incarnation, std::uint64_t ticket) {
  auto& it = at(id);
  auto ok = !should_inject(it.points().objection, rates_.objection) && !it.rejects_validations();
  auto after = rates_.lazy_drain > 0 ? it.random().between(0, 2'000) : 0;
  at_time(now_ + after, event_kind::validated, id, incarnation,
          validation_answers_.put({ticket, ok}));
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

void simulator::answered(spi::replica_id by, const request_owner& owner, answer what) {
  if (tracing() && owner.client != script_client)
    trace_line(fmt::format("replica {} answers {}: {}", by,
                           owner.client == admin_client ? std::string{"the administrator"}
                                                        : fmt::format("attempt {} of client {}",
                                                                      owner.attempt, owner.client),
                           reply(by, owner, what).text));
  emit([&] { return reply(by, owner, what); });
  note((owner.attempt << 3) ^ static_cast<std::uint64_t>(what.kind));
  if (owner.client == admin_client) {
    if (on_admin_answer)
      on_admin_answer(owner, what);
  } else if (on_answer)
    on_answer(owner, std::move(what));
}

} // namespace atl::sim
