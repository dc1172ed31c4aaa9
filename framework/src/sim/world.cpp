#include "engine.hpp"

#include <atoll/sim/world.hpp>

namespace atl::sim {

namespace {

fault_mix quiet() {
  fault_mix it;
  it.flush_every = 50'000;
  return it;
}

} // namespace

world::world(simulation_options options, const consensus_factory& factory)
    : engine_{std::make_unique<engine>(options, factory, quiet())} {
  answers_.emplace_back(); // tickets count from 1
  engine_->on_answer = [this](const request_owner& owner, answer what) {
    answers_[owner.attempt] = std::move(what);
  };
}

world::~world() = default;

world::duration world::now() const {
  return duration{engine_->now()};
}

void world::run_for(duration time) {
  engine_->run_until(engine_->now() + time.count());
}

bool world::run_until(const std::function<bool()>& done, duration limit) {
  auto until = engine_->now() + limit.count();
  while (!done())
    if (engine_->now() >= until || !engine_->step())
      return done();
  return true;
}

// -- requests ---------------------------------------------------------------------------------

world::ticket world::propose(spi::replica_id at, std::string command) {
  auto decoded = decode_command(command);
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, decoded ? decoded->tag : 0, 0};
  engine_->request_at(engine_->now(), at, owner, spi::read_level::linearizable, std::move(command));
  return owner.attempt;
}

world::ticket world::propose(spi::replica_id at, const register_command& command) {
  return propose(at, encode(command));
}

world::ticket world::read(spi::replica_id at, std::uint64_t key, spi::read_level level) {
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, 0, key};
  engine_->request_at(engine_->now(), at, owner, level, std::nullopt);
  return owner.attempt;
}

world::ticket world::reconfigure(spi::replica_id at, std::vector<spi::replica_id> voters,
                                 std::vector<spi::replica_id> learners) {
  for (auto* list : {&voters, &learners})
    for (auto id : *list)
      engine_->at(id).bear();
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, 0, 0};
  engine_->reconfigure_at(engine_->now(), at, owner, {std::move(voters), std::move(learners)});
  return owner.attempt;
}

void world::transfer(spi::replica_id at, spi::replica_id to) {
  engine_->at(at).transfer(to);
}

void world::declare_lost(spi::replica_id at, spi::replica_id lost) {
  engine_->at(at).declare_lost(lost);
}

const answer& world::outcome(ticket it) const {
  return answers_.at(it);
}

const answer& world::await(ticket it, duration limit) {
  run_until([&] { return answers_.at(it).kind != answer_kind::pending; }, limit);
  return answers_.at(it);
}

// -- replicas ---------------------------------------------------------------------------------

bool world::up(spi::replica_id id) const {
  return engine_->at(id).up();
}
spi::consensus_status world::status(spi::replica_id id) const {
  return engine_->at(id).up() ? engine_->at(id).protocol().status() : spi::consensus_status{};
}
spi::log_position world::applied(spi::replica_id id) const {
  return engine_->at(id).machine().position();
}
spi::members_changed world::members(spi::replica_id id) const {
  return engine_->at(id).members();
}
register_value world::value(spi::replica_id id, std::uint64_t key) const {
  return engine_->at(id).machine().read(key);
}
std::string world::fatal_reason(spi::replica_id id) const {
  return engine_->at(id).fatal_reason();
}
std::string world::kept_out_because(spi::replica_id id) const {
  auto& it = engine_->at(id);
  return it.kept_out() ? it.kept_out_because() : std::string{};
}
std::vector<std::pair<std::uint32_t, std::uint64_t>> world::records(spi::replica_id id) const {
  return engine_->at(id).storage().places();
}

// -- faults -----------------------------------------------------------------------------------

void world::crash(spi::replica_id id, std::optional<std::size_t> kept) {
  engine_->at(id).crash("the script says so", kept);
}
void world::restart(spi::replica_id id) {
  if (!engine_->at(id).up() && !engine_->at(id).kept_out())
    engine_->at(id).start();
}
void world::lose_disk(spi::replica_id id) {
  crash(id);
  engine_->at(id).lose_disk();
}
void world::wipe(spi::replica_id id) {
  engine_->at(id).wipe();
  restart(id);
}
bool world::damage(spi::replica_id id, std::uint32_t stream, std::uint64_t index) {
  return engine_->at(id).storage().damage({stream, index});
}
void world::damage_meta(spi::replica_id id) {
  engine_->at(id).storage().damage_meta();
  engine_->facts().disk_lost(id); // what it knew of terms stood there
}
void world::stall_disk(spi::replica_id id, duration time) {
  engine_->at(id).stall_next_sync(time.count());
}
void world::fail_next_sync(spi::replica_id id) {
  engine_->at(id).fail_next_sync();
}
void world::pause(spi::replica_id id, duration time) {
  engine_->at(id).pause_until(engine_->now() + time.count());
}
void world::jump_clock(spi::replica_id id, duration time) {
  engine_->at(id).jump(time.count());
}
void world::drift(spi::replica_id id, std::int64_t ppm) {
  engine_->at(id).drift(ppm);
}
void world::object(spi::replica_id id, bool on) {
  engine_->at(id).object(on);
}
void world::unreachable(spi::replica_id at, spi::replica_id peer) {
  engine_->at(at).on_unreachable(peer);
}
void world::cut(spi::replica_id from, spi::replica_id to, bool on) {
  engine_->links().cut(from, to, on);
}
void world::isolate(spi::replica_id id) {
  for (spi::replica_id other = 1; other <= engine_->replicas(); ++other)
    if (other != id) {
      cut(id, other);
      cut(other, id);
    }
}
void world::heal_network() {
  engine_->links().heal();
}
void world::filter(message_filter filter) {
  engine_->filter(std::move(filter));
}
void world::release_held() {
  engine_->release_held();
}
void world::deliver(spi::replica_id from, spi::replica_id to, std::string bytes) {
  engine_->at(to).deliver(from, bytes);
}
void world::crash_at_effect(std::uint64_t number, bool everybody) {
  engine_->crash_at_effect(number, everybody);
}

// -- what came of it --------------------------------------------------------------------------

const std::string& world::violation() const {
  return engine_->facts().violation();
}
const simulation_stats& world::stats() const {
  return engine_->stats();
}
std::uint64_t world::hash() const {
  return engine_->hash();
}

} // namespace atl::sim
