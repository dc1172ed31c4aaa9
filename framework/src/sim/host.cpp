#include "host.hpp"

#include "engine.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <exception>

namespace atl::sim {

host::host(engine& world, spi::replica_id id)
    : world_{world}, id_{id}, sites_{world.chance().site(fault_kind::batch_crashes, id),
                                     world.chance().site(fault_kind::disk_stalls, id),
                                     world.chance().site(fault_kind::sync_failures, id),
                                     world.chance().site(fault_kind::objections, id),
                                     world.chance().site(fault_kind::unreachable_hints, id),
                                     world.chance().site(fault_kind::damaged_records, id),
                                     world.chance().site(fault_kind::lost_disks, id)},
      random_{0}, membership_{id, world.birth_voters()} {
  durable_machine_ = std::make_shared<register_machine>();
  clock_base_ = static_cast<std::int64_t>(id) * 1'000'000'000; // clocks of replicas never agree
}

void host::violate(violation_kind kind, std::string_view what) {
  world_.violate(kind, fmt::format("replica {}: {}", id_, what));
}

// -- clock ------------------------------------------------------------------------------------

std::int64_t host::local(std::int64_t at) const {
  auto since = at - clock_from_;
  return clock_base_ + since + since * clock_ppm_ / 1'000'000;
}

std::int64_t host::local_now() const {
  return local(world_.now());
}

std::int64_t host::global(std::int64_t local_time) const {
  // No run is as long as eleven days, and the product must not overflow.
  auto left = std::min<std::int64_t>(local_time - clock_base_, 1'000'000'000'000);
  auto at = clock_from_ + left * 1'000'000 / (1'000'000 + clock_ppm_);
  while (local(at) < clock_base_ + left)
    ++at;
  return at;
}

void host::drift(std::int64_t ppm) {
  clock_base_ = local_now();
  clock_from_ = world_.now();
  clock_ppm_ = ppm;
}

void host::rearm() {
  auto deadline = protocol_->deadline();
  if (deadline == spi::timestamp::max()) {
    armed_ = 0;
    return;
  }
  // A timer that goes off too early is set again; one that is too late is replaced.
  auto at = deadline.count() <= local_now() ? world_.now() + 1 : global(deadline.count());
  if (armed_ != 0 && armed_ <= at && armed_ > world_.now())
    return;
  armed_ = at;
  world_.at_time(at, event_kind::timer, id_, life_, static_cast<std::uint64_t>(at));
}

void host::on_timer(std::int64_t armed) {
  if (armed != armed_)
    return;
  armed_ = 0;
  if (protocol_->deadline().count() > local_now())
    return rearm();
  if (++idle_timers_ > world_.options().limits.idle_timers)
    return violate(violation_kind::unbounded,
                   "asks to be called again and again, and time doesn't pass");
  call([](spi::consensus&) {});
}

// -- life and death ---------------------------------------------------------------------------

void host::bear() {
  if (!absent_ || retired_)
    return;
  absent_ = false;
  world_.at_time(world_.now() + 1, event_kind::restart, id_, 0);
}

void host::retire() {
  crash("it is retired");
  lose_disk();
  absent_ = retired_ = true;
}

void host::start() {
  ++life_;
  ++world_.stats().starts;
  world_.say("replica {} starts its life {} with {} records, applied up to {}", id_, life_,
             disk_.size(), durable_machine_->position());
  random_ = world_.chance().stream(purpose::replica, id_, life_);
  fatal_.clear();
  paused_until_ = 0;
  if (membership_.in_group())
    return start_protocol();
  membership_.start_asking(world_.now());
  kept_out_because_.clear();
  ask_for_admission();
}

void host::start_protocol() {
  world_.show(
      [&] { return run_event{.what = run_event_kind::started, .replica = id_, .number = life_}; });
  members_ = {world_.birth_voters(), {}};
  machine_ = *durable_machine_;
  given_ = machine_.position();
  given_chain_ = machine_.chain();
  try {
    protocol_ = world_.make_protocol(id_, life_);
    protocol_->start(disk_.read(), machine_.position(), spi::timestamp{local_now()});
  } catch (const std::exception& error) {
    return violate(violation_kind::threw, fmt::format("threw from its start: {}", error.what()));
  } catch (...) {
    return violate(violation_kind::threw,
                   "threw from its start something that is no std::exception");
  }
  world_.at_time(world_.now() + world_.mix().flush_every, event_kind::flush, id_, life_);
  drain_now();
}

void host::crash(std::string_view why, std::optional<std::size_t> wanted) {
  membership_.stop_asking();
  if (!up())
    return;
  ++world_.stats().crashes;
  auto kept = wanted
                  ? *wanted
                  : world_.chance().stream(purpose::crash, id_, life_).below(disk_.waiting() + 1);
  world_.say("replica {} stops: {}; {} of {} waiting writes made it", id_, why, kept,
             disk_.waiting());
  world_.show([&] {
    return run_event{.what = run_event_kind::stopped, .replica = id_, .text = std::string{why}};
  });
  protocol_.reset();
  disk_.crash(kept);
  held_.clear();
  terms_.clear();
  apply_queue_.clear();
  waiting_reads_.clear();
  received_.reset();
  received_position_ = 0;
  last_token_ = durable_ = 0;
  armed_ = 0;
  installing_ = drain_pending_ = apply_pending_ = fail_sync_ = crash_in_sync_ = false;
  stall_ = 0;
  std::vector<std::pair<spi::request_id, request_owner>> gone(requests_.begin(), requests_.end());
  requests_.clear();
  std::sort(gone.begin(), gone.end(), [](auto& a, auto& b) { return a.first < b.first; });
  for (auto& [id, owner] : gone)
    world_.answered(id_, owner, {answer_kind::lost, 0, {}, 0, "the replica stopped"});
}

void host::lose_disk() {
  world_.say("replica {} loses its disk", id_);
  world_.show([&] { return run_event{.what = run_event_kind::lost_disk, .replica = id_}; });
  ++world_.stats().lost_disks;
  disk_.lose();
  durable_machine_ = std::make_shared<register_machine>();
  world_.facts().disk_lost(id_);
}

// -- calls ------------------------------------------------------------------------------------

void host::before_call() {
  ++world_.stats().calls;
  protocol_->advance(spi::timestamp{local_now()});
}

void host::after_call() {
  auto lazy = world_.mix().lazy_drain;
  if (lazy <= 0 || !random_.chance(lazy))
    return drain_now();
  if (!drain_pending_) {
    drain_pending_ = true;
    world_.at_time(world_.now() + random_.between(1, 500), event_kind::drain, id_, life_);
  }
  rearm();
}

void host::threw(const char* what) {
  violate(violation_kind::threw, fmt::format("threw: {}", what));
}

void host::on_drain() {
  if (drain_pending_)
    drain_now();
}

void host::drain_now() {
  drain_pending_ = false;
  batch_.clear();
  protocol_->drain(batch_);
  if (batch_.size() > world_.options().limits.effects_a_drain)
    violate(violation_kind::unbounded, fmt::format("gave out {} effects at once", batch_.size()));
  if (!batch_.empty())
    idle_timers_ = 0;
  execute(batch_);
  if (!up())
    return;
  start_sync();
  rearm();
}

void host::execute(std::vector<spi::effect>& batch) {
  for (auto& it : batch) {
    if (world_.boundary(*this))
      return;
    ++world_.stats().effects;
    world_.note(it.index());
    std::visit([this](auto& effect) { carry_out(effect); }, it);
    if (!up())
      return;
  }
  // The last boundary: everything is carried out, and nothing happened since.
  world_.boundary(*this);
}

void host::deliver(spi::replica_id from, std::string_view bytes) {
  world_.say("replica {} hears {} bytes from {}", id_, bytes.size(), from);
  call([&](spi::consensus& it) { it.step(from, bytes); });
}

void host::on_validated(std::uint64_t ticket, bool ok, std::string_view reason) {
  call([&](spi::consensus& it) { it.on_validated(ticket, ok, reason); });
}

void host::on_unreachable(spi::replica_id peer) {
  call([&](spi::consensus& it) { it.on_unreachable(peer); });
}

void host::on_snapshot_sent(spi::replica_id to, bool ok) {
  call([&](spi::consensus& it) { it.on_snapshot_sent(to, ok); });
}

void host::propose(std::string command, const request_owner& owner) {
  auto id = ++next_request_;
  requests_.emplace(id, owner).first->second.content = hash_bytes(command) | 1; // never 0
  world_.say("replica {} is asked to decide {} bytes (request {})", id_, command.size(), id);
  call([&](spi::consensus& it) { it.propose(id, std::move(command)); });
}

void host::read(const request_owner& owner, spi::read_level level) {
  auto id = ++next_request_;
  requests_.emplace(id, owner);
  world_.say("replica {} is asked to read (request {})", id_, id);
  call([&](spi::consensus& it) { it.read(id, level); });
}

void host::reconfigure(const request_owner& owner, spi::members_changed wanted) {
  auto id = ++next_request_;
  requests_.emplace(id, owner);
  world_.say("replica {} is asked to make the voters {} and the learners {} (request {})", id_,
             fmt::join(wanted.voters, ","), fmt::join(wanted.learners, ","), id);
  call([&](spi::consensus& it) {
    it.reconfigure(id, std::move(wanted.voters), std::move(wanted.learners));
  });
}

void host::transfer(spi::replica_id to) {
  world_.say("replica {} is told to hand over to {}", id_, to);
  call([to](spi::consensus& it) { it.transfer(to); });
}

void host::declare_lost(spi::replica_id id) {
  world_.say("replica {} is told that the disk of {} is lost for good", id_, id);
  call([id](spi::consensus& it) { it.declare_lost(id); });
}

void host::take_snapshot(spi::log_position position, const std::string& blob, machine_image image) {
  world_.say("replica {} receives a snapshot up to {}", id_, position);
  if (installing_)
    return; // the host keeps one while it installs it
  received_ = std::move(image);
  received_position_ = position;
  call([&](spi::consensus& it) { it.on_snapshot_received(position, blob); });
}

void host::check_bounds() {
  auto& limits = world_.options().limits;
  if (held_.size() > limits.unsent_messages)
    violate(violation_kind::unbounded, fmt::format("{} messages wait for a sync", held_.size()));
  if (disk_.size() > limits.records)
    violate(violation_kind::unbounded, fmt::format("{} records are on the disk", disk_.size()));
  if (auto pending = protocol_->status().pending; pending > limits.pending)
    violate(violation_kind::unbounded, fmt::format("{} requests are pending", pending));
}

} // namespace atl::sim
