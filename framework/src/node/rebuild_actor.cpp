#include "rebuild_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <utility>
#include <variant>

namespace atl::node {

namespace {

namespace fs = std::filesystem;
using runtime::message_kind;
using runtime::tell_later;

constexpr auto look_interval = std::chrono::milliseconds{100};
/// The other member copies its state first, and reads all of the copy.
constexpr auto offer_timeout = std::chrono::minutes{10};

} // namespace

rebuild_actor::rebuild_actor(caf::actor_config& config, settings given, plan what)
    : waiting_replica_actor{config, std::move(given)}, plan_{std::move(what)} {
  self().note_group = [](const std::string&, const std::string&) {};
}

caf::behavior rebuild_actor::make_behavior() {
  note("no other member has answered yet");
  connect_to_members();
  tell_later(this, look_interval, rebuild_tick{});
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](const runtime::connection_event& event) { on_connection_event(event); },
      [](const runtime::turned_away&) {},
      [this](const state_fetched& done) { on_fetched(done); },
      [this](rebuild_tick) { on_tick(); },
  };
}

void rebuild_actor::on_exit() {
  end_fetching();
  plan_.arrived = nullptr;
  waiting_replica_actor::on_exit();
}

// -- the other members ------------------------------------------------------------------------

void rebuild_actor::on_tick() {
  tell_later(this, look_interval, rebuild_tick{});
  auto& members = self().group;
  for (std::size_t i = 0; i < members.size() && !busy_; ++i) {
    auto& member = members[next_++ % members.size()];
    if (member.name != self().node.name && connection_to(member.name))
      ask(member);
  }
}

void rebuild_actor::ask(const peer& member) {
  busy_ = true;
  spi::writer body;
  body.put(plan_.id);
  envelope request{message_kind::state_request, runtime::cluster_digest(self().node), body.take(),
                   self().role.name};
  auto connection = connection_to(member.name);
  runtime::ask(this, connection, offer_timeout, std::move(request))
      .then([this, member](const envelope& answer) { on_offer(member, answer); },
            [this, member](const caf::error& problem) {
              busy_ = false;
              note(fmt::format("{} gives no state ({})", member.name, to_string(problem)));
            });
}

void rebuild_actor::on_offer(const peer& from, const envelope& answer) {
  busy_ = false;
  auto reply = runtime::decode_reply(answer.body);
  if (!reply.value)
    return note(fmt::format("{} gives no state: {}", from.name, reply.value.error().message));
  auto call = runtime::decode_snapshot_call(*reply.value);
  auto* offer = call ? std::get_if<runtime::snapshot_offer>(&*call) : nullptr;
  if (!offer)
    return note(fmt::format("{} gives a state in an unknown form", from.name));
  std::error_code failed;
  fs::remove_all(plan_.incoming, failed);
  fs::create_directories(plan_.incoming, failed);
  if (failed)
    return note(fmt::format("{} can't be made: {}", plan_.incoming.string(), failed.message()));
  busy_ = true;
  source_ = from.name;
  offer_ = std::move(*offer);
  note(fmt::format("the state of {} up to entry {} is being fetched", from.name, offer_->index));
  net::identity own;
  own.cluster = self().node.cluster;
  own.name = self().node.name;
  own.role = self().role.name;
  auto how = runtime::plan_of_fetch(*offer_, from.where.host, plan_.incoming, own, plan_.secret,
                                    shared_part().connections->timing());
  thread_ = std::thread{
      [me = caf::actor_cast<caf::actor>(this), how = std::move(how), stop = &stop_]() mutable {
        status outcome;
        try {
          outcome = runtime::fetch_files(how, *stop);
        } catch (const std::exception& problem) { // out of memory or files
          outcome = fail(errc::io, std::string{"fetching the state: "} + problem.what());
        }
        runtime::tell_from_outside(std::exchange(me, nullptr), state_fetched{outcome});
      }};
}

void rebuild_actor::on_fetched(const state_fetched& done) {
  if (!offer_)
    return;
  end_fetching();
  busy_ = false;
  auto offer = std::move(*std::exchange(offer_, std::nullopt));
  if (!done.outcome)
    return note(fmt::format("fetching the state of {}: {}", source_, done.outcome.error().message));
  if (plan_.arrived(offer.index, offer.blob))
    disconnect();
  else
    note(fmt::format("the state of {} ends at entry {}, before this replica's log begins", source_,
                     offer.index));
}

void rebuild_actor::end_fetching() {
  stop_ = true;
  if (thread_.joinable())
    thread_.join();
  stop_ = false;
}

// -- what it says -----------------------------------------------------------------------------

void rebuild_actor::note(std::string progress) {
  if (progress != progress_)
    log::info(self().role.name, "", "rebuilds its state: {}", progress);
  progress_ = std::move(progress);
  self().waits_for = waiting_reason();
}

std::string rebuild_actor::waiting_reason() const {
  return fmt::format("its copy of the state was damaged, and is rebuilt from another member; {} "
                     "(the damage: {})",
                     progress_, plan_.why);
}

std::string rebuild_actor::why_absent() const {
  return fmt::format("{} takes no part in its group at present: {}", self().node.name,
                     waiting_reason());
}

} // namespace atl::node
