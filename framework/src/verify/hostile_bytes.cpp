#include "hostile_bytes.hpp"

#include "scenario_group.hpp"

#include <atoll/spi/random.hpp>

#include <fmt/format.h>

#include <numeric>

/// Malformed bytes: input from the network or the disk must not crash a replica or disturb the
/// group.
namespace atl::verify {

namespace {

using namespace std::chrono_literals;

struct sent_message {
  spi::replica_id from = 0;
  spi::replica_id to = 0;
  std::string bytes;
};

std::vector<spi::replica_id> voters_of(const tested_protocol& protocol) {
  std::vector<spi::replica_id> all(protocol.usual_size());
  std::iota(all.begin(), all.end(), 1);
  return all;
}

/// Messages of a group that loses and elects a leader.
std::vector<sent_message> record_messages(const tested_protocol& protocol) {
  std::vector<sent_message> all;
  scenario_group group{{protocol, protocol.usual_size()}};
  group.simulation().filter([&all](auto from, auto to, std::string_view bytes) {
    all.push_back({from, to, std::string{bytes}});
    return sim::filter_action::pass;
  });
  group.add_one();
  auto victim = group.leader() != 0 ? group.leader() : 1;
  group.simulation().crash(victim);
  group.try_to_add(3s);
  group.simulation().restart(victim);
  group.add_one();
  return all;
}

/// Returns a malformed variant of the message. Among others, a length is made far too large.
std::string mutate(const sent_message& it, spi::random_source& random) {
  auto bytes = it.bytes;
  switch (random.below(5)) {
  case 0:
    bytes.resize(random.below(bytes.size() + 1));
    break;
  case 1:
    bytes.append(1 + random.below(16), static_cast<char>(random.next()));
    break;
  case 2: // four bytes of a length
    for (std::size_t i = random.below(bytes.size() + 1), last = i + 4; i < last && i < bytes.size();
         ++i)
      bytes[i] = '\xff';
    break;
  case 3:
    bytes.resize(random.below(64));
    for (auto& byte : bytes)
      byte = static_cast<char>(random.next());
    break;
  default:
    if (!bytes.empty()) {
      auto& byte = bytes[random.below(bytes.size())];
      byte = static_cast<char>(byte ^ 1 << random.below(8));
    }
  }
  return bytes;
}

/// Malformed bytes are dropped. Flipped bits may form a valid message of a member; safety is not
/// required then, because links check integrity, but the replica must not crash, throw, or allocate
/// without bound.
std::uint64_t send_malformed_messages(const tested_protocol& protocol, const effort& how) {
  auto recorded = record_messages(protocol);
  if (recorded.empty())
    return 0; // a group of one sends no messages
  auto rounds = std::max<std::uint64_t>(2, how.seeds / 20);
  constexpr std::uint64_t messages = 400;
  auto voters = voters_of(protocol);
  for (auto seed = how.first; seed < how.first + rounds; ++seed) {
    spi::random_source random{seed};
    for (spi::replica_id to = 1; to <= voters.size(); ++to) {
      spi::consensus_setup setup{protocol.options, to, voters, seed, 1};
      auto replica = protocol.factory(setup);
      replica->start({}, 0, spi::timestamp{1});
      std::vector<spi::effect> effects;
      for (std::uint64_t i = 0; i < messages; ++i) {
        auto& it = recorded[random.below(recorded.size())];
        auto from = random.chance(0.1) ? static_cast<spi::replica_id>(random.next()) : it.from;
        replica->advance(spi::timestamp{static_cast<std::int64_t>(1'000 * i)});
        replica->step(from, mutate(it, random));
        if (random.chance(0.2))
          replica->step(it.from, it.bytes);
        effects.clear();
        replica->drain(effects);
        if (effects.size() > 10'000)
          throw broken(
              fmt::format("seed {}: garbage made it give out {} effects", seed, effects.size()));
      }
    }
  }
  return rounds * messages * voters.size();
}

/// A group continues while unknown senders send random bytes.
std::uint64_t survive_unknown_senders(const tested_protocol& protocol, const effort& how) {
  scenario_group group{{protocol, protocol.usual_size()}};
  group.add_one();
  spi::random_source random{how.first};
  for (int round = 0; round < 1000; ++round) {
    std::string bytes(random.below(6), '\0'); // too short to be a forged message
    for (auto& byte : bytes)
      byte = static_cast<char>(random.next());
    auto any = [&] { return static_cast<spi::replica_id>(1 + random.below(group.size())); };
    auto to = any();
    if (group.simulation().up(to))
      group.simulation().deliver(any(), to, bytes);
    if (round % 100 == 0)
      group.simulation().run_for(50ms);
  }
  group.add_one();
  group.must_agree();
  return 1000;
}

/// With truncated, extended or swapped records a replica starts, or reports why it cannot start.
std::uint64_t start_with_malformed_records(const tested_protocol& protocol, const effort& how) {
  // Collects the records that a replica writes, from its effects.
  std::vector<std::string> written;
  std::string meta;
  {
    auto replica = protocol.factory({protocol.options, 1, {1}, 1, 1});
    replica->start({}, 0, spi::timestamp{1});
    std::vector<spi::effect> effects;
    spi::timestamp now{1};
    for (spi::request_id id = 1; id < 200; ++id) {
      now += std::chrono::milliseconds{20};
      replica->advance(now);
      replica->propose(id, "a command");
      effects.clear();
      replica->drain(effects);
      for (auto& effect : effects)
        if (auto* validation = std::get_if<spi::validate>(&effect)) {
          replica->on_validated(validation->ticket, true, {});
        } else if (auto* persist = std::get_if<spi::persist>(&effect)) {
          for (auto& op : persist->ops) {
            if (auto* put = std::get_if<spi::put_record>(&op))
              written.push_back(put->bytes);
            else if (auto* set = std::get_if<spi::set_meta>(&op))
              meta = set->bytes;
          }
          replica->on_durable(persist->token);
        }
    }
  }
  if (written.empty())
    return 0;
  auto rounds = how.seeds * 5;
  auto voters = voters_of(protocol);
  for (auto seed = how.first; seed < how.first + rounds; ++seed) {
    spi::random_source random{seed};
    spi::stable_state disk;
    auto as_found = [&](const std::string& bytes) {
      return random.chance(0.3) ? mutate({0, 0, bytes}, random) : bytes;
    };
    if (random.chance(0.9))
      disk.meta = as_found(meta);
    disk.meta_corrupt = random.chance(0.1);
    std::uint64_t index = random.below(3);
    for (auto count = random.below(6); count > 0; --count) {
      index += 1 + (random.chance(0.1) ? random.below(std::uint64_t{1} << 40) : 0);
      auto damaged = random.chance(0.1);
      disk.records.push_back({0, index,
                              damaged ? spi::record_state::corrupt : spi::record_state::ok,
                              damaged ? "" : as_found(written[random.below(written.size())])});
    }
    auto replica = protocol.factory({protocol.options, 1, voters, 1, 2});
    replica->start(std::move(disk), random.below(4), spi::timestamp{1});
    std::vector<spi::effect> effects;
    replica->drain(effects);
    replica->advance(spi::timestamp{10'000'000});
    replica->drain(effects);
  }
  return rounds;
}

} // namespace

void try_hostile_bytes(const tested_protocol& protocol, recorder& out) {
  out.check("garbage from the network", "",
            [&] { return send_malformed_messages(protocol, out.how()); });
  out.check("strangers shout at a group", "",
            [&] { return survive_unknown_senders(protocol, out.how()); });
  if (protocol.admits(1))
    out.check("garbage on the disk", "",
              [&] { return start_with_malformed_records(protocol, out.how()); });
  else
    out.skip("garbage on the disk", "its options admit no replica that writes by itself");
}

} // namespace atl::verify
