#include "bare_group.hpp"

#include "recorder.hpp"

#include <fmt/format.h>

namespace atl::verify {

namespace {

/// Bound of the messages in a millisecond; a correct group sends fewer.
constexpr std::size_t messages_max = 100'000;

} // namespace

bare_group::bare_group(const tested_protocol& protocol, std::uint32_t replicas)
    : members_(replicas) {
  std::vector<spi::replica_id> voters;
  for (spi::replica_id id = 1; id <= replicas; ++id)
    voters.push_back(id);
  for (spi::replica_id id = 1; id <= replicas; ++id) {
    auto& it = members_[id - 1];
    it.protocol = protocol.factory({protocol.options, id, voters, id, 1});
    it.protocol->start({}, 0, now_);
    carry_out(id);
  }
}

void bare_group::run() {
  now_ += std::chrono::milliseconds{1};
  for (spi::replica_id id = 1; id <= members_.size(); ++id) {
    auto& it = members_[id - 1];
    it.protocol->advance(now_);
    it.protocol->on_applied(it.applied);
    carry_out(id);
  }
  for (std::size_t count = 0; !under_way_.empty(); ++count) {
    if (count > messages_max)
      throw broken(fmt::format("within a millisecond {} messages are sent, and no end", count));
    auto next = std::move(under_way_.front());
    under_way_.pop_front();
    members_[next.to - 1].protocol->step(next.from, next.bytes);
    carry_out(next.to);
  }
}

void bare_group::read(spi::replica_id at, spi::read_level level) {
  members_[at - 1].protocol->read(++requests_, level);
  carry_out(at);
}

void bare_group::propose(spi::replica_id at, std::string command) {
  members_[at - 1].protocol->propose(++requests_, std::move(command));
  carry_out(at);
}

spi::replica_id bare_group::leader() const {
  for (spi::replica_id id = 1; id <= members_.size(); ++id)
    if (auto now = at(id).status(); now.role == spi::replica_role::leader && now.blocked.empty())
      return id;
  return 0;
}

/// Disks and state machines complete each operation at once.
void bare_group::carry_out(spi::replica_id id) {
  auto& it = members_[id - 1];
  for (;;) {
    effects_.clear();
    it.protocol->drain(effects_);
    if (effects_.empty())
      return;
    auto before = it.persisted;
    for (auto& effect : effects_)
      carry_out(id, it, effect);
    if (it.persisted != before)
      it.protocol->on_durable(it.persisted);
  }
}

void bare_group::carry_out(spi::replica_id id, member& it, spi::effect& effect) {
  if (auto* sent = std::get_if<spi::send>(&effect)) {
    if (sent->to >= 1 && sent->to <= members_.size())
      under_way_.push_back({id, sent->to, std::move(sent->bytes)});
  } else if (auto* persist = std::get_if<spi::persist>(&effect)) {
    it.persisted = persist->token;
  } else if (auto* apply = std::get_if<spi::apply>(&effect)) {
    if (!apply->entries.empty())
      it.applied = apply->entries.back().index;
  } else if (auto* asked = std::get_if<spi::validate>(&effect)) {
    it.protocol->on_validated(asked->ticket, true, {});
  } else if (auto* snapshot = std::get_if<spi::send_snapshot>(&effect)) {
    it.protocol->on_snapshot_sent(snapshot->to, false);
  } else if (auto* fatal = std::get_if<spi::fatal>(&effect)) {
    throw broken(fmt::format("replica {} stopped itself: {}", id, fatal->reason));
  } else if (std::holds_alternative<spi::read_ready>(effect)) {
    ++answered_;
  }
}

} // namespace atl::verify
