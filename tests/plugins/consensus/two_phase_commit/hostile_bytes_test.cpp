#include "replica.hpp"
#include "scenario.hpp"

#include <atoll/spi/random.hpp>

#include <algorithm>
#include <vector>

/// Hostile bytes: malformed and altered messages and records.
using namespace two_phase_commit;

namespace {

/// Messages of every type, recorded from a running group.
std::vector<std::string> real_messages() {
  std::vector<std::string> out;
  group it{3};
  it.filter([&out](auto, auto, std::string_view bytes) {
    out.emplace_back(bytes);
    return filter_action::pass;
  });
  it.await_leader();
  for (int i = 1; i <= 10; ++i)
    it.must_write(i);
  it.lose_disk(3);
  it.restart(3);
  it.run_for(seconds{1});
  it.must_change({2, 3, 4}, {1});
  it.must_write(11);
  it.lose_disk(4);
  it.declare_lost(3, 4);
  it.run_for(seconds{1});
  return out;
}

std::string corrupt_bytes(std::string bytes, atl::spi::random_source& random) {
  switch (random.below(5)) {
  case 0:
    bytes.resize(random.below(bytes.size() + 1));
    break;
  case 1:
    bytes.append(random.below(50), static_cast<char>(random.next()));
    break;
  case 2:
    for (auto left = 1 + random.below(4); left > 0; --left)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    break;
  case 3: // overwrites a count or length with a huge value
    if (bytes.size() > 12)
      for (auto at = random.below(bytes.size() - 4), i = at; i < at + 4; ++i)
        bytes[i] = static_cast<char>(0xff);
    break;
  default:
    for (auto& byte : bytes)
      byte = static_cast<char>(random.next());
  }
  return bytes;
}

} // namespace

TEST_CASE("the sample contains every type of message") {
  std::vector<bool> seen(6);
  for (auto& it : real_messages())
    if (auto type = group::type_of(it))
      seen[static_cast<std::size_t>(*type)] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == 6);
}

TEST_CASE("a group that receives noise continues undisturbed") {
  group it{3};
  it.await_leader();
  atl::spi::random_source random{11};
  for (int i = 1; i <= 200; ++i) {
    std::string noise(random.below(300), '\0');
    for (auto& byte : noise)
      byte = static_cast<char>(random.next());
    for (atl::spi::replica_id id = 1; id <= 3; ++id)
      it.deliver(static_cast<atl::spi::replica_id>(random.below(6)), id, noise);
    if (i % 20 == 0)
      it.must_write(i);
  }
  CHECK(it.must_read(2) == 200);
  it.must_agree();
}

TEST_CASE("a message truncated at any byte is dropped") {
  auto messages = real_messages();
  auto setting = options(1, 3);
  for (auto& message : messages) {
    if (message.size() > 400)
      continue;
    atl::spi::consensus_setup setup{setting.protocol_options, 2, {1, 2, 3}, 1, 1'000'000};
    atl::two_phase::replica it{setup};
    it.start({}, 0, {});
    for (std::size_t size = 0; size < message.size(); ++size)
      it.step(1, std::string_view{message}.substr(0, size));
    CHECK(it.dropped() == message.size());
  }
}

TEST_CASE("corrupted messages make no replica throw or allocate without bound") {
  auto messages = real_messages();
  auto setting = options(1, 3);
  atl::spi::random_source random{5};
  for (int round = 0; round < 300; ++round) {
    auto self = static_cast<atl::spi::replica_id>(1 + random.below(3));
    // The sample contains incarnations 1 and 2, so that some messages are addressed to this one.
    atl::spi::consensus_setup setup{
        setting.protocol_options, self, {1, 2, 3}, 1, 1 + random.below(2)};
    atl::two_phase::replica it{setup};
    atl::spi::stable_state stable;
    if (random.chance(0.7))
      stable.meta = atl::two_phase::encode_meta({{1, 2, 3}, random.below(3), true, 1});
    if (stable.meta && random.chance(0.3))
      stable.meta = corrupt_bytes(*stable.meta, random);
    it.start(std::move(stable), 0, {});
    std::size_t bytes_out = 0;
    std::size_t bytes_in = 0;
    for (int i = 0; i < 200; ++i) {
      auto bytes = corrupt_bytes(messages[random.below(messages.size())], random);
      bytes_in += bytes.size() + 100;
      it.advance(atl::spi::timestamp{i * 10'000});
      if (random.chance(0.02))
        it.reconfigure(static_cast<atl::spi::request_id>(i + 1), {1, 2, 4}, {3});
      if (random.chance(0.005))
        it.declare_lost(static_cast<atl::spi::replica_id>(1 + random.below(4)));
      it.step(static_cast<atl::spi::replica_id>(random.below(1000) < 990 ? 1 + random.below(4)
                                                                         : random.next()),
              bytes);
      std::vector<atl::spi::effect> out;
      it.drain(out);
      for (auto& effect : out) {
        if (auto sent = std::get_if<atl::spi::send>(&effect))
          bytes_out += sent->bytes.size();
        if (auto persisted = std::get_if<atl::spi::persist>(&effect))
          it.on_durable(persisted->token);
        if (auto asked = std::get_if<atl::spi::validate>(&effect))
          it.on_validated(asked->ticket, random.chance(0.8), "no");
      }
    }
    CHECK(bytes_out < 40 * bytes_in);
    CHECK(it.status().pending < 10'000);
  }
}
