#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace test {

/// A balancer that picks the first member that it may, unless a test tells it what to do; and that
/// remembers what it was told.
class scripted_balancer final : public atl::spi::balancer {
 public:
  using slot = atl::spi::slot;

  std::function<slot(const atl::spi::pick_request&, const atl::spi::member_facts&)> on_pick;
  std::vector<slot> probes;
  bool throws_in_update = false;

  std::vector<atl::spi::member> members;
  int updates = 0;
  atl::spi::timestamp now{0};
  std::vector<std::pair<slot, bool>> outcomes;
  std::vector<std::pair<slot, std::uint32_t>> probed;

  void update(std::span<const atl::spi::member> list) override {
    if (throws_in_update)
      throw std::runtime_error{"no tables today"};
    ++updates;
    members.assign(list.begin(), list.end());
  }
  slot pick(const atl::spi::pick_request& request, const atl::spi::member_facts& facts) override {
    now = request.now;
    if (on_pick)
      return on_pick(request, facts);
    for (slot who = 0; who < facts.available.size(); ++who)
      if (facts.available[who] != 0 &&
          std::find(request.tried.begin(), request.tried.end(), who) == request.tried.end())
        return who;
    return atl::spi::no_slot;
  }
  void observe(slot who, const atl::spi::outcome& result, atl::spi::timestamp) override {
    outcomes.emplace_back(who, result.ok);
  }
  std::size_t wanted_probes(atl::spi::timestamp, const atl::spi::member_facts&,
                            std::span<slot> whom) override {
    auto count = std::min(whom.size(), probes.size());
    std::copy_n(probes.begin(), count, whom.begin());
    return count;
  }
  void on_probe(slot who, const atl::spi::probe_result& result, atl::spi::timestamp) override {
    probed.emplace_back(who, result.in_flight);
  }
};

} // namespace test
