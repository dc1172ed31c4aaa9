#include <atoll/core/log.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/courier.hpp>
#include <atoll/runtime/limits.hpp>
#include <atoll/runtime/link.hpp>
#include <atoll/runtime/replica.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <utility>

namespace atl::runtime {

namespace {

constexpr std::size_t reader_threads = 2;
constexpr auto flush_interval = std::chrono::seconds{1};

} // namespace

// -- life -------------------------------------------------------------------------------------

replica_actor::replica_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)}, digest_{group_digest(
                                                                       settings_.self)} {}

replica_actor::~replica_actor() = default;

void replica_actor::on_exit() {
  for (auto& [id, link] : links_)
    send_exit(link, caf::exit_reason::user_shutdown);
  links_.clear();
  if (courier_)
    send_exit(courier_, caf::exit_reason::user_shutdown);
  courier_ = nullptr;
  commands_.clear();
  questions_.clear();
  reads_.clear();
  ready_reads_.clear();
  answers_.clear();
  runner_.reset(); // waits for the state machine's threads
  settings_.log.reset();
  settings_.machine.reset();
  settings_.owner = nullptr;
}

caf::behavior replica_actor::make_behavior() {
  start();
  return {
      [this](const peer_messages& messages) {
        drive([&](auto& protocol) {
          for (auto& bytes : messages.bytes)
            protocol.step(messages.from, bytes);
        });
      },
      [this](client_calls& request) { take_calls(request); },
      [this](drain_effects) {
        drain_pending_ = false;
        guard([this] {
          settings_.protocol->drain(effects_);
          carry_out();
          if (serving_)
            arm_timer();
        });
        send_answers();
      },
      [this](submit_command& request) { return submit(request); },
      [this](change_members& request) { return change(request); },
      [this](transfer_leadership request) { return transfer(request.to); },
      [this](const master_seen& seen) { on_seen(seen.who); },
      [this](snapshot_call& call) { return forward_snapshot_call(call); },
      [this](snapshot_outcome done) {
        metrics_.snapshots_sent += done.ok ? 1 : 0;
        drive([&](auto& protocol) { protocol.on_snapshot_sent(done.to, done.ok); });
      },
      [this](snapshot_arrived& arrived) { on_arrived(arrived); },
      [this](state_saved& saved) { on_saved(saved); },
      [this](const state_loaded& loaded) { on_loaded(loaded); },
      [this](ask_state& request) { return ask_question(request); },
      [this](durable_up_to done) { on_durable(done.token); },
      [this](questions_answered& done) { on_questions_answered(done); },
      [this](entries_applied& done) { on_entries_applied(done); },
      [this](state_flushed done) {
        flushed_ = std::max(flushed_, done.position);
        drive([&](auto& protocol) { protocol.on_applied(done.position); });
      },
      [this](command_validated& done) {
        auto reason = done.objection.value_or("");
        drive([&](auto& protocol) { protocol.on_validated(done.ticket, !done.objection, reason); });
      },
      [this](replica_tick tick) {
        if (tick.generation != timer_generation_)
          return;
        armed_for_ = spi::timestamp::max();
        drive([](auto&) {});
      },
      [this](flush_tick) {
        if (serving_ && applied_ > flushed_)
          runner_->flush();
        tell_later(this, flush_interval, flush_tick{});
      },
      [this](const link_event& event) { on_link(event); },
      // The links answer every message; only that they took it counts, and that shows in link
      // events.
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
  calls.applied = [self](spi::log_position position, auto answers) {
    tell_from_outside(self, entries_applied{position, std::move(answers)});
  };
  calls.answered = [self](auto answers) {
    tell_from_outside(self, questions_answered{std::move(answers)});
  };
  calls.validated = [self](std::uint64_t ticket, std::optional<std::string> objection) {
    tell_from_outside(self, command_validated{ticket, std::move(objection)});
  };
  calls.flushed = [self](spi::log_position position) {
    tell_from_outside(self, state_flushed{position});
  };
  calls.failed = failed;
  runner_ = std::make_unique<state_runner>(*settings_.machine, reader_threads, std::move(calls));
  applied_ = handed_over_ = settings_.machine->applied();
  voters_ = settings_.voters;
  if (!settings_.snapshots.empty()) {
    auto where = parse_endpoint(settings_.self.address);
    courier_ = system().spawn<courier_actor, caf::detached>(
        courier_actor::settings{settings_.self, settings_.timing, settings_.snapshots / "incoming",
                                settings_.snapshots / "outgoing", where ? where->host : "127.0.0.1",
                                settings_.snapshot_port, self, settings_.seed});
  }
  make_links();
  drive([&](auto& protocol) { protocol.start(std::move(settings_.stable), applied_, now()); });
  tell_later(this, flush_interval, flush_tick{});
}

void replica_actor::make_links() {
  for (auto& peer : settings_.group)
    if (peer.id != settings_.self.replica)
      make_link(peer);
}

void replica_actor::make_link(const peer& to) {
  links_[to.id] = system().spawn<link_actor>(
      link_actor::settings{to.name, to.where, settings_.self, settings_.timing,
                           caf::actor_cast<caf::actor>(this), settings_.seed + to.id});
}

void replica_actor::on_seen(const node_info& who) {
  if (who.replica == 0 || who.replica == settings_.self.replica || links_.contains(who.replica) ||
      links_.size() >= replica_links_max || !serving_)
    return;
  auto where = parse_endpoint(who.address);
  if (!where)
    return;
  settings_.group.push_back({who.replica, who.name, *where});
  make_link(settings_.group.back());
}

spi::timestamp replica_actor::now() const {
  return std::chrono::duration_cast<spi::timestamp>(std::chrono::steady_clock::now() - birth_);
}

void replica_actor::stop_serving(const error& problem) {
  if (!serving_)
    return;
  serving_ = false;
  log::error("master", "", "{}; this replica stops", problem.message);
  auto stopped = "this replica stopped: " + problem.message;
  for (auto& [id, waiting] : commands_)
    answer(waiting.from, unable(errc::unavailable, stopped, 0, true));
  for (auto& [id, waiting] : reads_)
    answer(waiting.from, unable(errc::unavailable, stopped));
  for (auto& [position, waiting] : ready_reads_)
    answer(waiting.from, unable(errc::unavailable, stopped));
  commands_.clear();
  reads_.clear();
  ready_reads_.clear();
  send_answers();
  tell(this, settings_.owner, node_failure{"master", problem});
}

// -- events -----------------------------------------------------------------------------------

template <class Call>
void replica_actor::guard(Call call) {
  if (!serving_)
    return;
  try {
    call();
  } catch (const std::exception& thrown) {
    stop_serving({errc::internal, fmt::format("the consensus plugin ({}) threw: {}",
                                              settings_.self.consensus, thrown.what())});
  }
}

template <class Event>
void replica_actor::drive(Event event) {
  guard([&] {
    settings_.protocol->advance(now());
    event(*settings_.protocol);
    if (!std::exchange(drain_pending_, true))
      tell(this, caf::actor_cast<caf::actor>(this), drain_effects{});
  });
}

/// A deadline that moved away needs no new timer: the old one goes off early, and the next is set
/// then. (A follower's moves with each message of its leader.)
void replica_actor::arm_timer() {
  auto deadline = settings_.protocol->deadline();
  if (deadline >= armed_for_)
    return;
  armed_for_ = deadline;
  ++timer_generation_;
  auto wait = std::max(deadline - now(), spi::timestamp{0});
  tell_later(this, wait, replica_tick{timer_generation_});
}

// -- what clients ask for ---------------------------------------------------------------------

caf::result<envelope> replica_actor::submit(submit_command& request) {
  auto alone = make_response_promise<envelope>();
  begin_command(std::move(request.command), {alone, nullptr, 0});
  return alone;
}

caf::result<envelope> replica_actor::ask_question(ask_state& request) {
  auto alone = make_response_promise<envelope>();
  begin_read(std::move(request.question), {alone, nullptr, 0});
  return alone;
}

void replica_actor::take_calls(client_calls& request) {
  auto client = caf::actor_cast<caf::actor>(current_sender());
  if (!client)
    return;
  for (auto& call : request.calls)
    if (call.kind == message_kind::command)
      begin_command(std::move(call.body), {{}, client, call.id});
    else
      begin_read(std::move(call.body), {{}, client, call.id});
  send_answers();
}

void replica_actor::begin_command(std::string command, asker from) {
  if (!serving_)
    return answer(from, unable(errc::unavailable, "this replica has stopped"));
  if (command.size() > command_bytes_max)
    return answer(
        from, unable(errc::invalid, fmt::format("a command of {} bytes is above the limit of {}",
                                                command.size(), command_bytes_max)));
  if (commands_.size() >= replica_requests_max || handed_over_ - applied_ > replica_backlog_max)
    return answer(from, unable(errc::busy, "too many commands are waiting; try again"));
  auto id = ++next_request_;
  commands_.emplace(id, waiting_command{std::move(from), now()});
  drive([&](auto& protocol) { protocol.propose(id, std::move(command)); });
}

void replica_actor::begin_read(std::string question, asker from) {
  if (!serving_)
    return answer(from, unable(errc::unavailable, "this replica has stopped"));
  if (reads_.size() + ready_reads_.size() + questions_.size() >= replica_requests_max)
    return answer(from, unable(errc::busy, "too many reads are waiting; try again"));
  auto id = ++next_request_;
  reads_.emplace(id, waiting_read{std::move(question), std::move(from)});
  drive([&](auto& protocol) { protocol.read(id, spi::read_level::linearizable); });
}

caf::result<envelope> replica_actor::change(change_members& request) {
  auto alone = make_response_promise<envelope>();
  asker from{alone, nullptr, 0};
  if (!serving_) {
    answer(from, unable(errc::unavailable, "this replica has stopped"));
    return alone;
  }
  auto id = ++next_request_;
  commands_.emplace(id, waiting_command{std::move(from), now()});
  drive([&](auto& protocol) {
    if (settings_.hears_of_losses)
      for (auto lost : request.lost)
        protocol.declare_lost(lost);
    protocol.reconfigure(id, std::move(request.voters), std::move(request.learners));
  });
  return alone;
}

envelope replica_actor::transfer(spi::replica_id to) {
  if (!serving_)
    return make_reply(unable(errc::unavailable, "this replica has stopped"));
  auto leader = settings_.protocol->status().leader;
  if (leader != settings_.self.replica)
    return make_reply(unable(errc::unavailable, "this replica doesn't lead", leader));
  drive([&](auto& protocol) { protocol.transfer(to); });
  return make_reply({std::string{}, {}, false});
}

void replica_actor::answer(const asker& to, const reply& what) {
  if (to.client)
    answers_[to.client].push_back({to.call, what});
  else
    promise{to.alone}.deliver(make_reply(what));
}

/// Those of a client that are there together go together.
void replica_actor::send_answers() {
  for (auto& [client, list] : answers_) {
    std::vector<client_answer> together;
    std::size_t bytes = 0;
    auto send = [&, &to = client] {
      tell(this, to, envelope{message_kind::answers, 0, encode(together)});
      together.clear();
      bytes = 0;
    };
    for (auto& it : list) {
      bytes += it.answer.value ? it.answer.value->size() : it.answer.value.error().message.size();
      together.push_back(std::move(it));
      if (bytes >= calls_together_bytes || together.size() == calls_together_max)
        send();
    }
    if (!together.empty())
      send();
  }
  answers_.clear();
}

void replica_actor::finish_command(spi::request_id id, const reply& what) {
  auto waiting = commands_.find(id);
  if (waiting == commands_.end())
    return;
  auto took = static_cast<std::uint64_t>((now() - waiting->second.since).count());
  ++metrics_.commits;
  ++metrics_.latency[std::min<std::size_t>(std::bit_width(took), metrics_.latency.size() - 1)];
  answer(waiting->second.from, what);
  commands_.erase(waiting);
}

/// Hands the questions whose time has come to the state machine, all together.
void replica_actor::release_reads() {
  std::vector<state_runner::question> asked;
  while (!ready_reads_.empty() && ready_reads_.begin()->first <= applied_) {
    auto& read = ready_reads_.begin()->second;
    auto id = ++next_request_;
    questions_.emplace(id, std::move(read.from));
    asked.push_back({id, std::move(read.question)});
    ready_reads_.erase(ready_reads_.begin());
  }
  if (!asked.empty())
    runner_->query(std::move(asked));
}

void replica_actor::on_questions_answered(questions_answered& done) {
  for (auto& [id, text] : done.answers) {
    auto waiting = questions_.find(id);
    if (waiting == questions_.end())
      continue;
    ++metrics_.reads;
    answer(waiting->second, {std::move(text), {}, false});
    questions_.erase(waiting);
  }
  send_answers();
}

void replica_actor::on_entries_applied(entries_applied& done) {
  applied_ = done.position;
  for (auto& [id, text] : done.answers)
    finish_command(id, {std::move(text), {}, false});
  ++metrics_.applied_batches;
  send_answers();
  release_reads();
}

// -- what the others say ----------------------------------------------------------------------

void replica_actor::on_link(const link_event& event) {
  if (event.up)
    return;
  for (auto& peer : settings_.group)
    if (peer.name == event.peer)
      drive([&](auto& protocol) { protocol.on_unreachable(peer.id); });
}

void replica_actor::on_durable(spi::persist_token token) {
  durable_ = std::max(durable_, token);
  auto released = held_.upper_bound(durable_);
  for (auto held = held_.begin(); held != released; ++held)
    transmit(held->second.to, std::move(held->second.bytes));
  held_.erase(held_.begin(), released);
  drive([&](auto& protocol) { protocol.on_durable(token); });
}

// -- effects ----------------------------------------------------------------------------------

void replica_actor::carry_out() {
  // A plugin's effects may grow while they are carried out only by a later call, so by index.
  for (std::size_t i = 0; i < effects_.size() && serving_; ++i)
    std::visit([this](auto& effect) { carry_out(effect); }, effects_[i]);
  effects_.clear();
  if (serving_)
    release_reads();
}

void replica_actor::carry_out(spi::persist& effect) {
  settings_.log->submit(std::move(effect));
}

void replica_actor::carry_out(spi::send& effect) {
  if (effect.after <= durable_)
    transmit(effect.to, std::move(effect.bytes));
  else
    held_.emplace(effect.after, waiting_send{effect.to, std::move(effect.bytes)});
}

void replica_actor::transmit(spi::replica_id to, std::string bytes) {
  auto link = links_.find(to);
  if (link == links_.end()) {
    ++metrics_.dropped_messages;
    return;
  }
  tell(this, link->second, outgoing_message{digest_, settings_.self.replica, to, std::move(bytes)});
}

void replica_actor::carry_out(spi::apply& effect) {
  if (effect.entries.empty())
    return;
  if (effect.entries.front().position != handed_over_ + 1)
    return stop_serving(
        {errc::internal,
         fmt::format("the consensus plugin ({}) skipped from entry {} to {}",
                     settings_.self.consensus, handed_over_, effect.entries.front().position)});
  handed_over_ = effect.entries.back().position;
  runner_->apply(std::move(effect.entries));
}

void replica_actor::carry_out(spi::refuse& effect) {
  auto waiting = commands_.find(effect.id);
  if (waiting == commands_.end())
    return;
  auto in_doubt = effect.why == spi::refusal::unknown;
  // Where the leader itself says no, no other replica would say yes.
  auto leads = settings_.protocol->status().leader == settings_.self.replica ||
               (settings_.blocks_on_one_failure && effect.hint == 0);
  auto code = in_doubt ? errc::timeout : leads ? errc::refused : errc::unavailable;
  ++metrics_.refused;
  answer(waiting->second.from, unable(code, effect.reason, effect.hint, in_doubt));
  commands_.erase(waiting);
}

void replica_actor::carry_out(spi::read_ready& effect) {
  auto waiting = reads_.find(effect.id);
  if (waiting == reads_.end())
    return;
  ready_reads_.emplace(effect.position, std::move(waiting->second));
  reads_.erase(waiting);
}

void replica_actor::carry_out(spi::read_refused& effect) {
  auto waiting = reads_.find(effect.id);
  if (waiting == reads_.end())
    return;
  answer(waiting->second.from, unable(errc::unavailable, effect.reason, effect.hint));
  reads_.erase(waiting);
}

void replica_actor::carry_out(spi::validate& effect) {
  runner_->validate(effect.ticket, std::move(effect.command));
}

void replica_actor::carry_out(spi::send_snapshot& effect) {
  auto self = caf::actor_cast<caf::actor>(this);
  if (!courier_ || !links_.contains(effect.to))
    return tell(this, self, snapshot_outcome{effect.to, false});
  auto outgoing = settings_.snapshots / "outgoing";
  std::error_code failed;
  std::filesystem::create_directories(outgoing, failed); // a failure shows in `save`
  auto folder = outgoing / fmt::to_string(++snapshots_ordered_);
  runner_->save(folder, [self, to = effect.to, folder](result<spi::log_position> position) {
    tell_from_outside(self, state_saved{to, folder, std::move(position)});
  });
}

void replica_actor::on_saved(state_saved& saved) {
  if (!serving_)
    return;
  auto link = links_.find(saved.to);
  if (!saved.position || link == links_.end()) {
    if (!saved.position)
      log::error("master", "", "{}", saved.position.error().message);
    return drive([&](auto& protocol) { protocol.on_snapshot_sent(saved.to, false); });
  }
  drive([&](auto& protocol) {
    tell(this, courier_,
         snapshot_order{saved.to, link->second, *saved.position,
                        protocol.snapshot_blob(*saved.position), std::move(saved.folder)});
  });
}

caf::result<envelope> replica_actor::forward_snapshot_call(snapshot_call& call) {
  auto link = links_.find(call.from);
  if (!serving_ || !courier_ || link == links_.end())
    return make_reply(unable(errc::refused, "this replica takes no snapshots"));
  if (loading_ && is_snapshot_offer(call.bytes))
    return make_reply(unable(errc::busy, "another snapshot is being installed"));
  call.link = link->second;
  for (auto& peer : settings_.group)
    if (peer.id == call.from)
      call.host = peer.where.host;
  auto promise = make_response_promise();
  promise.delegate(courier_, std::move(call));
  return promise;
}

void replica_actor::on_arrived(snapshot_arrived& arrived) {
  arrived_ = std::move(arrived.folder);
  drive([&](auto& protocol) { protocol.on_snapshot_received(arrived.position, arrived.blob); });
}

void replica_actor::carry_out(spi::install_snapshot& effect) {
  if (arrived_.empty() || effect.position <= handed_over_)
    return stop_serving(
        {errc::internal,
         fmt::format("the consensus plugin ({}) wants a snapshot installed up to "
                     "entry {}, and {}",
                     settings_.self.consensus, effect.position,
                     arrived_.empty() ? "none was received" : "its state is past that already")});
  handed_over_ = effect.position;
  loading_ = true;
  auto self = caf::actor_cast<caf::actor>(this);
  runner_->load(std::exchange(arrived_, {}), [self](result<spi::log_position> position) {
    tell_from_outside(self, state_loaded{std::move(position)});
  });
}

void replica_actor::on_loaded(const state_loaded& loaded) {
  loading_ = false;
  if (!loaded.position)
    return stop_serving(loaded.position.error());
  applied_ = std::max(applied_, *loaded.position);
  flushed_ = std::max(flushed_, *loaded.position);
  ++metrics_.snapshots_taken_over;
  release_reads();
  drive([&](auto& protocol) { protocol.on_installed(*loaded.position); });
}

void replica_actor::carry_out(spi::members_changed& effect) {
  voters_ = std::move(effect.voters);
  learners_ = std::move(effect.learners);
  log::info("master", "", "the group's voters are {}{}{}", fmt::join(voters_, ", "),
            learners_.empty() ? "" : "; learners ", fmt::join(learners_, ", "));
}

void replica_actor::carry_out(spi::role_changed& effect) {
  if (effect.role == spi::replica_role::candidate || effect.role == spi::replica_role::leader)
    ++metrics_.elections;
  constexpr std::string_view names[] = {"follower", "candidate", "leader", "learner"};
  log::info("master", "", "is {} in term {}, the leader is {}",
            names[static_cast<std::size_t>(effect.role)], effect.term, effect.leader);
}

void replica_actor::carry_out(spi::fatal& effect) {
  stop_serving({errc::refused, effect.reason});
}

// -- views ------------------------------------------------------------------------------------

reply replica_actor::unable(errc code, std::string why, spi::replica_id hint, bool in_doubt) {
  reply answer{fail(code, std::move(why)), {}, in_doubt};
  for (auto& peer : settings_.group)
    if (peer.id == hint)
      answer.hint = to_string(peer.where);
  return answer;
}

std::vector<known_replica> replica_actor::known() const {
  std::vector<known_replica> all;
  for (auto& peer : settings_.group)
    all.push_back({peer.id, peer.name, peer.where});
  return all;
}

replica_view replica_actor::view() const {
  replica_view seen;
  seen.protocol = settings_.protocol->status();
  seen.self = settings_.self.replica;
  seen.voters = voters_;
  seen.learners = learners_;
  seen.known = known();
  seen.applied = applied_;
  seen.incarnation = settings_.log->incarnation();
  seen.disk = settings_.log->count();
  seen.metrics = metrics_;
  if (!serving_)
    seen.protocol.blocked = "this replica has stopped";
  return seen;
}

} // namespace atl::runtime
