#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/runtime/snapshot_transfer.hpp>

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace atl::runtime {

namespace {

constexpr std::size_t reader_threads = 2;
constexpr auto flush_interval = std::chrono::seconds{1};

} // namespace

// -- start and stop
// -------------------------------------------------------------------------------------

replica_actor::replica_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)},
      self_{settings_.connections->self().info()}, driver_{*this, *settings_.protocol},
      digest_{group_digest(self_, settings_.role)} {}

replica_actor::~replica_actor() = default;

void replica_actor::on_exit() {
  connections_.clear();
  settings_.connections.reset();
  if (snapshot_transfer_)
    send_exit(snapshot_transfer_, caf::exit_reason::user_shutdown);
  snapshot_transfer_ = nullptr;
  driver_.stop();
  requests_.take_all();
  change_.reset();
  answers_.clear();
  copies_.clear();
  wanted_states_.clear();
  runner_.reset(); // waits for the state machine's threads
  settings_.log.reset();
  settings_.machine.reset();
  settings_.supervisor = nullptr;
}

caf::behavior replica_actor::make_behavior() {
  start();
  return {
      [this](const peer_messages& messages) {
        driver_.call([&](auto& protocol) {
          for (auto& bytes : messages.bytes)
            protocol.step(messages.from, bytes);
        });
      },
      [this](client_calls& request) { take_calls(request); },
      [this](drain_effects) { drain(); },
      [this](submit_command& request) { return submit(request); },
      [this](change_members& request) { return change(request); },
      [this](transfer_leadership request) { return transfer(request.to); },
      [this](const peer_seen& seen) { on_peer_seen(seen.who); },
      [this](peer_space told) { on_peer_space(told); },
      [this](snapshot_call& call) { return forward_snapshot_call(call); },
      [this](const offer_state& wanted) { return on_state_wanted(wanted); },
      [this](snapshot_outcome done) {
        metrics_.snapshots_sent += done.ok ? 1 : 0;
        driver_.call([&](auto& protocol) { protocol.on_snapshot_sent(done.to, done.ok); });
      },
      [this](snapshot_arrived& arrived) { on_arrived(arrived); },
      [this](state_saved& saved) { on_saved(saved); },
      [this](const state_loaded& loaded) { on_loaded(loaded); },
      [this](copy_state) { return make_copy(); },
      [this](copy_made& made) { on_copy_made(made); },
      [this](query_state& request) { return on_query(request); },
      [this](durable_up_to done) {
        if (auto first = std::exchange(settings_.first_record_durable, nullptr))
          first();
        driver_.on_durable(done.token);
      },
      [this](queries_answered& done) { on_queries_answered(done); },
      [this](entries_applied& done) { on_entries_applied(done); },
      [this](state_flushed done) {
        flushed_ = std::max(flushed_, done.index);
        driver_.call([&](auto& protocol) { protocol.on_applied(done.index); });
      },
      [this](replica_tick tick) {
        if (tick.generation != timer_generation_)
          return;
        armed_for_ = spi::timestamp::max();
        driver_.call([](auto&) {});
      },
      [this](flush_tick) {
        if (serving_ && driver_.applied() > flushed_)
          runner_->flush();
        look_at_disk();
        hand_over_for_space();
        publish_view();
        tell_later(this, flush_interval, flush_tick{});
      },
      [this](const connection_event& event) { on_connection_event(event); },
      // Connections answer every message with an envelope. Only delivery matters, which connection
      // events show.
      [](const envelope&) {},
      [this](storage_failed& failure) { stop_serving(failure.problem); },
      [this](get_replica_view) { return view(); },
      [this](get_group) {
        return make_reply({encode(known()), {}, false});
      },
  };
}

void replica_actor::start() {
  auto self = caf::actor_cast<caf::actor>(this);
  auto failed = [self](const error& problem) { tell_from_outside(self, storage_failed{problem}); };
  settings_.log->start({
      [self](spi::persist_token token) { tell_from_outside(self, durable_up_to{token}); },
      failed,
  });
  state_runner::callbacks calls;
  calls.applied = [self](spi::log_index index, auto answers) {
    tell_from_outside(self, entries_applied{index, std::move(answers)});
  };
  calls.answered = [self](auto answers) {
    tell_from_outside(self, queries_answered{std::move(answers)});
  };
  calls.flushed = [self](spi::log_index index) { tell_from_outside(self, state_flushed{index}); };
  calls.failed = [failed, told = settings_.state_damaged](const error& problem) {
    if (told && problem.code == errc::corrupt)
      told(problem);
    failed(problem);
  };
  runner_ = std::make_unique<state_runner>(*settings_.machine, reader_threads, std::move(calls));
  if (!settings_.snapshots.empty()) {
    remove_former_copies();
    snapshot_transfer_ =
        system().spawn<snapshot_transfer_actor, caf::detached>(snapshot_transfer_actor::settings{
            self_, settings_.role, settings_.connections->timing(),
            settings_.snapshots / "incoming", settings_.snapshots / "outgoing",
            settings_.snapshots_listen, self, settings_.seed, settings_.secret});
  }
  mark_ = std::make_shared<shared_mark>(settings_.log->incarnation());
  driver_.start(std::move(settings_.stable), settings_.machine->applied(), settings_.voters);
  schedule_drain();
  settings_.role.mark = {settings_.log->incarnation(), driver_.durable_term(),
                         driver_.status().accepted};
  settings_.connections->self().set_role(settings_.role, mark_);
  connect_to_group();
  publish_view();
  tell_later(this, flush_interval, flush_tick{});
}

void replica_actor::connect_to_group() {
  for (auto& peer : settings_.group)
    if (peer.id != settings_.role.replica)
      connect_to(peer);
}

void replica_actor::connect_to(const peer& to) {
  connections_[to.id] = settings_.connections->subscribe(
      to.where, {caf::actor_cast<caf::actor>(this), settings_.role.name, to.name});
}

void replica_actor::on_peer_seen(const node_info& node) {
  auto* role = node.find_role(settings_.role.name);
  if (role == nullptr)
    return;
  // The node is back: messages to it needn't wait until its connection happens to try again.
  if (auto known = connections_.find(role->replica); known != connections_.end())
    return tell(this, known->second.connection(), peer_seen{node});
  if (role->replica == 0 || role->replica == settings_.role.replica ||
      connections_.size() >= replica_connections_max || !serving_)
    return;
  auto where = parse_endpoint(node.address);
  if (!where || role->group != settings_.role.group)
    return;
  forget_former(node.name);
  settings_.group.push_back({role->replica, node.name, *where});
  connect_to(settings_.group.back());
}

/// Forgets the node of this name whose replica had another id: its disk was lost, and the node came
/// back as a new member.
void replica_actor::forget_former(const std::string& name) {
  std::erase_if(settings_.group, [&](const peer& it) {
    if (it.name != name || it.id == settings_.role.replica)
      return false;
    connections_.erase(it.id);
    return true;
  });
}

spi::timestamp replica_actor::now() const {
  return std::chrono::duration_cast<spi::timestamp>(std::chrono::steady_clock::now() - birth_);
}

void replica_actor::stop_serving(const error& problem) {
  if (!serving_)
    return;
  serving_ = false;
  driver_.stop();
  log::error(settings_.role.name, "", "{}; this replica stops", problem.message);
  auto stopped = "this replica stopped: " + problem.message;
  for (auto& request : requests_.take_all())
    answer(request.from,
           error_reply(errc::unavailable, stopped, 0, !request.query)); // a command is in doubt
  if (auto change = std::exchange(change_, std::nullopt))
    for (auto& repeated : change->repeated)
      answer(repeated, error_reply(errc::unavailable, stopped, 0, true));
  send_answers();
  tell(this, settings_.supervisor, node_failure{settings_.role.name, problem});
}

// -- events -----------------------------------------------------------------------------------

void replica_actor::schedule_drain() {
  if (!std::exchange(drain_pending_, true))
    tell(this, caf::actor_cast<caf::actor>(this), drain_effects{});
}

void replica_actor::drain() {
  drain_pending_ = false;
  if (!serving_)
    return;
  try {
    driver_.drain();
  } catch (const std::exception& thrown) { // by a function of this actor that the driver called
    stop_serving({errc::internal, thrown.what()});
  }
  if (serving_) {
    update_mark();
    arm_timer();
  }
  send_answers();
}

/// A deadline that moved into the future needs no new timer: the armed timer fires early, and the
/// next one is armed then. (A follower's deadline moves with each message of its leader.)
void replica_actor::arm_timer() {
  auto deadline = driver_.deadline();
  if (deadline >= armed_for_)
    return;
  armed_for_ = deadline;
  ++timer_generation_;
  auto wait = std::max(deadline - now(), spi::timestamp{0});
  tell_later(this, wait, replica_tick{timer_generation_});
}

// -- connections and marks --------------------------------------------------------------------

void replica_actor::on_connection_event(const connection_event& event) {
  if (event.up)
    return;
  for (auto& peer : settings_.group)
    if (peer.name == event.peer)
      driver_.call([&](auto& protocol) { protocol.on_unreachable(peer.id); });
}

void replica_actor::update_mark() {
  auto mark = driver_.mark();
  if (serving_)
    mark_->write(mark.term, mark.entry);
}

// -- views ------------------------------------------------------------------------------------

std::vector<known_replica> replica_actor::known() const {
  std::vector<known_replica> all;
  for (auto& peer : settings_.group)
    all.push_back({peer.id, peer.name, peer.where});
  return all;
}

replica_view replica_actor::view() const {
  replica_view seen;
  seen.protocol = settings_.protocol->status();
  seen.self = settings_.role.replica;
  seen.voters = driver_.members().voters;
  seen.learners = driver_.members().learners;
  seen.known = known();
  seen.applied = driver_.applied();
  seen.incarnation = settings_.log->incarnation();
  seen.disk = settings_.log->count();
  seen.metrics = metrics_;
  if (seen.protocol.leader == seen.self && lacks_space_to_commit())
    seen.no_space = describe_full_disks();
  if (seen.protocol.blocked.empty())
    seen.protocol.blocked = seen.no_space;
  if (!serving_)
    seen.protocol.blocked = "this replica has stopped";
  return seen;
}

void replica_actor::publish_view() const {
  if (settings_.latest_view)
    settings_.latest_view->set(view());
}

} // namespace atl::runtime
