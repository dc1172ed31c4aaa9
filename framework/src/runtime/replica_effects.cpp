#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/replica_actor.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

// How the effects of a protocol are carried out.
namespace atl::runtime {

void replica_actor::persist(spi::persist records) {
  settings_.log->submit(std::move(records));
}

void replica_actor::transmit(spi::replica_id to, std::string bytes, spi::persist_token) {
  auto connection = connections_.find(to);
  if (connection == connections_.end()) {
    ++metrics_.dropped_messages;
    return;
  }
  tell(
      this, connection->second.connection(),
      outgoing_message{settings_.role.name, digest_, settings_.role.replica, to, std::move(bytes)});
}

void replica_actor::apply(std::vector<spi::committed_entry> entries) {
  runner_->apply(std::move(entries));
}

void replica_actor::validate(const spi::validate& request) {
  runner_->prepare(request.command);
  auto rejection = settings_.machine->admission_check(request.command);
  driver_.on_validated(request.ticket,
                       rejection ? std::optional{std::move(rejection->message)} : std::nullopt);
}

void replica_actor::refuse(request_handle to, spi::refuse why) {
  auto request = requests_.take(to);
  auto in_doubt = why.why == spi::refusal::unknown;
  // If the leader itself refuses, every other replica would refuse, too.
  auto is_final = (settings_.blocks_on_one_failure && why.hint == 0) ||
                  driver_.status().leader == settings_.role.replica;
  auto code = in_doubt                        ? errc::timeout
              : why.why == spi::refusal::busy ? errc::busy
              : is_final                      ? errc::refused
                                              : errc::unavailable;
  ++metrics_.refused;
  finish(to, request.from, error_reply(code, std::move(why.reason), why.hint, in_doubt));
}

void replica_actor::refuse_read(request_handle to, spi::read_refused why) {
  answer(requests_.take(to).from, error_reply(errc::unavailable, std::move(why.reason), why.hint));
}

void replica_actor::on_members_changed() {
  auto& now = driver_.members();
  log::info(settings_.role.name, "", "the group's voters are {}{}{}", fmt::join(now.voters, ", "),
            now.learners.empty() ? "" : "; learners ", fmt::join(now.learners, ", "));
}

void replica_actor::on_role_changed(const spi::role_changed& role) {
  if (role.role == spi::replica_role::candidate || role.role == spi::replica_role::leader)
    ++metrics_.elections;
  constexpr std::string_view names[] = {"follower", "candidate", "leader", "learner"};
  log::info(settings_.role.name, "", "is {} in term {}, the leader is {}",
            names[static_cast<std::size_t>(role.role)], role.term, role.leader);
}

void replica_actor::on_failure(driver_failure kind, std::string what) {
  auto plugin = to_string(settings_.role.consensus);
  switch (kind) {
  case driver_failure::threw:
    return stop_serving(
        {errc::internal, fmt::format("the consensus plugin ({}) threw: {}", plugin, what)});
  case driver_failure::breach:
    return stop_serving(
        {errc::internal,
         fmt::format("the consensus plugin ({}) breaks its interface: it {}", plugin, what)});
  case driver_failure::fatal:
    return stop_serving({errc::refused, std::move(what)});
  }
}

} // namespace atl::runtime
