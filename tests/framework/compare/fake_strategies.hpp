#pragma once

#include <atoll/compare/queueing.hpp>
#include <atoll/spi/random.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

/// Small balancers for tests of what hosts them.
namespace fakes {

namespace spi = atl::spi;

class fake : public spi::balancer {
 public:
  explicit fake(std::uint64_t seed) : random_{seed} {}

  void update(std::span<const spi::member> members) override {
    members_.assign(members.begin(), members.end());
  }

 protected:
  static bool may(const spi::pick_request& request, const spi::member_facts& facts, spi::slot who) {
    return facts.available[who] != 0 &&
           std::find(request.tried.begin(), request.tried.end(), who) == request.tried.end();
  }

  std::vector<spi::member> members_;
  spi::random_source random_;
};

/// Any member with the same probability.
class uniform : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    std::vector<spi::slot> some;
    for (spi::slot who = 0; who < members_.size(); ++who)
      if (may(request, facts, who))
        some.push_back(who);
    return some.empty() ? spi::no_slot : some[random_.below(some.size())];
  }
};

/// One member after the other.
class turns : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request&, const spi::member_facts& facts) override {
    return static_cast<spi::slot>(next_++ % facts.available.size());
  }

 private:
  std::uint64_t next_ = 0;
};

/// The first member with the fewest requests in flight.
class shortest : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    auto best = spi::no_slot;
    for (spi::slot who = 0; who < members_.size(); ++who)
      if (may(request, facts, who) &&
          (best == spi::no_slot || facts.in_flight[who] < facts.in_flight[best]))
        best = who;
    return best;
  }
};

/// The member with the largest hash of its id and the key.
class by_key : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    auto best = spi::no_slot;
    std::uint64_t largest = 0;
    for (spi::slot who = 0; who < members_.size(); ++who) {
      auto hash = spi::random_source{request.key ^ (members_[who].id << 48)}.next();
      if (may(request, facts, who) && hash >= largest) {
        largest = hash;
        best = who;
      }
    }
    return best;
  }
};

/// Probes one member after each pick, and goes to the one that answered last.
class prober : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    return may(request, facts, last_) ? last_ : spi::no_slot;
  }
  std::size_t wanted_probes(spi::timestamp, const spi::member_facts&,
                            std::span<spi::slot> whom) override {
    whom[0] = static_cast<spi::slot>(random_.below(members_.size()));
    return 1;
  }
  void on_probe(spi::slot who, const spi::probe_result&, spi::timestamp) override { last_ = who; }

 private:
  spi::slot last_ = 0;
};

/// Throws at every second pick.
class thrower : public fake {
 public:
  using fake::fake;

  spi::slot pick(const spi::pick_request&, const spi::member_facts&) override {
    if (picks_++ % 2 == 0)
      throw std::runtime_error("no idea");
    return 0;
  }

 private:
  std::uint64_t picks_ = 0;
};

template <class Balancer>
atl::compare::strategy strategy(std::string name) {
  return {name, name, [](std::uint64_t seed) {
            return atl::result<std::shared_ptr<spi::balancer>>{std::make_shared<Balancer>(seed)};
          }};
}

inline const auto random_strategy = strategy<uniform>("uniform");
inline const auto in_turn = strategy<turns>("turns");
inline const auto shortest_queue = strategy<shortest>("shortest");
inline const auto key_hash = strategy<by_key>("by_key");
inline const auto probing = strategy<prober>("prober");
inline const auto throwing = strategy<thrower>("thrower");

/// Poisson arrivals at a load of 0.7, exponential service of 10 ms, members alike.
inline atl::compare::workload simple_workload(std::size_t members, double load = 0.7) {
  atl::compare::workload it;
  it.requests = 100'000;
  it.warmup = 0.1;
  it.service.mean = 10'000;
  it.keys.count = 1'000;
  it.members.resize(members);
  it.arrivals.rate = load * it.capacity();
  return it;
}

} // namespace fakes
