#include "simulator.hpp"

#include <atoll/sim/scripted_simulation.hpp>

namespace atl::sim {

namespace {

fault_rates rates_without_faults() {
  fault_rates it;
  it.flush_every = 50'000;
  return it;
}

} // namespace

scripted_simulation::scripted_simulation(const simulation_options& options,
                                         const consensus_factory& factory)
    : simulator_{std::make_unique<simulator>(options, factory, rates_without_faults())} {
  answers_.emplace_back(); // tickets count from 1
  simulator_->on_answer = [this](const request_owner& owner, answer what) {
    answers_[owner.attempt] = std::move(what);
  };
}

scripted_simulation::~scripted_simulation() = default;

scripted_simulation::duration scripted_simulation::now() const {
  return duration{simulator_->now()};
}

void scripted_simulation::run_for(duration time) {
  simulator_->run_until(simulator_->now() + time.count());
}

bool scripted_simulation::run_until(const std::function<bool()>& done, duration limit) {
  auto until = simulator_->now() + limit.count();
  while (!done())
    if (simulator_->now() >= until || !simulator_->step())
      return done();
  return true;
}

// -- requests ---------------------------------------------------------------------------------

scripted_simulation::ticket scripted_simulation::propose(spi::replica_id at, std::string command) {
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, simulator_->service().tag_of(command), 0};
  simulator_->request_at(simulator_->now(), at, owner, spi::read_level::linearizable,
                         std::move(command));
  return owner.attempt;
}

scripted_simulation::ticket scripted_simulation::propose(spi::replica_id at,
                                                         const register_command& command) {
  return propose(at, encode(command));
}

scripted_simulation::ticket scripted_simulation::read(spi::replica_id at, std::uint64_t key,
                                                      spi::read_level level) {
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, 0, key};
  simulator_->request_at(simulator_->now(), at, owner, level, std::nullopt);
  return owner.attempt;
}

scripted_simulation::ticket
scripted_simulation::reconfigure(spi::replica_id at, std::vector<spi::replica_id> voters,
                                 std::vector<spi::replica_id> learners) {
  for (auto* list : {&voters, &learners})
    for (auto id : *list)
      simulator_->at(id).start_spare();
  answers_.emplace_back();
  request_owner owner{0, answers_.size() - 1, 0, 0};
  simulator_->reconfigure_at(simulator_->now(), at, owner,
                             {std::move(voters), std::move(learners)});
  return owner.attempt;
}

void scripted_simulation::transfer(spi::replica_id at, spi::replica_id to) {
  simulator_->at(at).transfer(to);
}

void scripted_simulation::declare_lost(spi::replica_id at, spi::replica_id lost) {
  simulator_->at(at).declare_lost(lost);
}

const answer& scripted_simulation::outcome(ticket it) const {
  return answers_.at(it);
}

const answer& scripted_simulation::await(ticket it, duration limit) {
  run_until([&] { return answers_.at(it).kind != answer_kind::pending; }, limit);
  return answers_.at(it);
}

// -- replicas ---------------------------------------------------------------------------------

bool scripted_simulation::up(spi::replica_id id) const {
  return simulator_->at(id).up();
}
spi::consensus_status scripted_simulation::status(spi::replica_id id) const {
  return simulator_->at(id).up() ? simulator_->at(id).protocol().status() : spi::consensus_status{};
}
spi::log_index scripted_simulation::applied(spi::replica_id id) const {
  return simulator_->at(id).machine().index();
}
spi::members_changed scripted_simulation::members(spi::replica_id id) const {
  return simulator_->at(id).members();
}
register_value scripted_simulation::value(spi::replica_id id, std::uint64_t key) const {
  return simulator_->at(id).machine().machine().read(key).result;
}
std::string scripted_simulation::fatal_reason(spi::replica_id id) const {
  return simulator_->at(id).fatal_reason();
}
std::string scripted_simulation::admission_refusal(spi::replica_id id) const {
  auto& it = simulator_->at(id);
  return it.is_awaiting_admission() ? it.admission_refusal() : std::string{};
}
std::vector<std::pair<std::uint32_t, std::uint64_t>>
scripted_simulation::records(spi::replica_id id) const {
  return simulator_->at(id).storage().places();
}

// -- faults -----------------------------------------------------------------------------------

void scripted_simulation::crash(spi::replica_id id, std::optional<std::size_t> kept) {
  simulator_->at(id).crash("the script says so", kept);
}
void scripted_simulation::restart(spi::replica_id id) {
  if (!simulator_->at(id).up() && !simulator_->at(id).is_awaiting_admission())
    simulator_->at(id).start();
}
void scripted_simulation::lose_disk(spi::replica_id id) {
  crash(id);
  simulator_->at(id).lose_disk();
}
void scripted_simulation::wipe(spi::replica_id id) {
  simulator_->at(id).wipe();
  restart(id);
}
void scripted_simulation::lose_state(spi::replica_id id) {
  simulator_->at(id).lose_state();
}
bool scripted_simulation::damage(spi::replica_id id, std::uint32_t stream, std::uint64_t index) {
  return simulator_->at(id).storage().damage({stream, index});
}
void scripted_simulation::damage_meta(spi::replica_id id) {
  simulator_->at(id).storage().damage_meta();
  simulator_->checker().disk_lost(id); // the metadata held the terms
}
void scripted_simulation::stall_disk(spi::replica_id id, duration time) {
  simulator_->at(id).stall_next_sync(time.count());
}
void scripted_simulation::fail_next_sync(spi::replica_id id) {
  simulator_->at(id).fail_next_sync();
}
void scripted_simulation::pause(spi::replica_id id, duration time) {
  simulator_->at(id).pause_until(simulator_->now() + time.count());
}
void scripted_simulation::jump_clock(spi::replica_id id, duration time) {
  simulator_->at(id).jump(time.count());
}
void scripted_simulation::drift(spi::replica_id id, std::int64_t ppm) {
  simulator_->at(id).drift(ppm);
}
void scripted_simulation::reject_validations(spi::replica_id id, bool on) {
  simulator_->at(id).reject_validations(on);
}
void scripted_simulation::unreachable(spi::replica_id at, spi::replica_id peer) {
  simulator_->at(at).on_unreachable(peer);
}
void scripted_simulation::cut(spi::replica_id from, spi::replica_id to, bool on) {
  simulator_->links().cut(from, to, on);
}
void scripted_simulation::isolate(spi::replica_id id) {
  for (spi::replica_id other = 1; other <= simulator_->replicas(); ++other)
    if (other != id) {
      cut(id, other);
      cut(other, id);
    }
}
void scripted_simulation::heal_network() {
  simulator_->links().heal();
}
void scripted_simulation::filter(message_filter filter) {
  simulator_->filter(std::move(filter));
}
void scripted_simulation::release_held() {
  simulator_->release_held();
}
void scripted_simulation::deliver(spi::replica_id from, spi::replica_id to,
                                  const std::string& bytes) {
  simulator_->at(to).deliver(from, bytes);
}
void scripted_simulation::crash_at_effect(std::uint64_t number, bool all_replicas) {
  simulator_->crash_at_effect(number, all_replicas);
}

// -- results ----------------------------------------------------------------------------------

const std::string& scripted_simulation::violation() const {
  return simulator_->checker().violation();
}
const simulation_stats& scripted_simulation::stats() const {
  return simulator_->stats();
}
std::uint64_t scripted_simulation::hash() const {
  return simulator_->hash();
}

} // namespace atl::sim
