#include "../../common/fault_draw.hpp"

#include <atoll/spi/balancer.hpp>
#include <atoll/spi/plugin_finder.hpp>

#include <algorithm>
#include <memory>

namespace {

using namespace atl::spi;
using atl::faulty::fault_draw;

/// Another balancer, a share of whose picks fails: none is picked, or one that doesn't exist, or
/// another one than that balancer wanted, whether or not it may be picked.
class faulty final : public balancer {
 public:
  explicit faulty(const balancer_setup& setup)
      : found_{find_named_plugin(plugin_kind::balancer, setup.options)},
        inner_{found_->create.balancer({found_.options, setup.seed})}, faults_{setup.options,
                                                                               setup.seed} {}

  void update(std::span<const member> members) override {
    size_ = members.size();
    inner_->update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    faults_.maybe_wait();
    auto picked = inner_->pick(request, facts);
    if (faults_.fails())
      return no_slot;
    return faults_.garbles() ? wrong_slot() : picked;
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    faults_.maybe_wait();
    auto count = inner_->pick_many(request, facts, picks);
    if (faults_.fails())
      return 0;
    if (count > 0 && faults_.garbles())
      picks[faults_.below(count)] = wrong_slot();
    return count;
  }

  /// A failure is never told.
  void observe(slot who, const outcome& result, timestamp now) override {
    if (!faults_.fails())
      inner_->observe(who, result, now);
  }
  std::size_t wanted_probes(timestamp now, const member_facts& facts,
                            std::span<slot> whom) override {
    return inner_->wanted_probes(now, facts, whom);
  }
  void on_probe(slot who, const probe_result& result, timestamp now) override {
    if (!faults_.fails())
      inner_->on_probe(who, result, now);
  }

 private:
  /// One beyond the list, or any within.
  slot wrong_slot() { return static_cast<slot>(faults_.below(size_ + size_ / 2 + 1)); }

  const found_plugin found_;
  const std::unique_ptr<balancer> inner_;
  fault_draw faults_;
  std::size_t size_ = 0;
};

namespace specs = atl::faulty;

constexpr option_spec options_known[] = {
    specs::plugin_option("round_robin"),
    specs::options_option,
    specs::share_option("fail", "The share of picks that pick none, and of outcomes that are lost"),
    specs::share_option("garble", "The share of picks that are of another member, or of one that "
                                  "doesn't exist"),
    specs::share_option("delay", "The share of picks that take up to delay_time longer"),
    specs::delay_time_option,
    specs::seed_option,
};

} // namespace

ATOLL_PLUGIN(balancer, faulty, 1, 0, 0){
    .summary = "Another balancer, a share of whose picks fails: for rehearsals",
    .licence = "Apache-2.0",
    .options = options_known,
    .create = [](const balancer_setup& setup) -> balancer* { return new faulty{setup}; },
};
