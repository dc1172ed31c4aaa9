#include "../common/whole_copies.hpp"

#include <chrono>
#include <stdexcept>

namespace {

using namespace atl::spi;

transfer_policy policy_of(const options& chosen) {
  auto duration = [&](std::string_view name) {
    return std::chrono::microseconds{chosen.integer(name)};
  };
  transfer_policy policy;
  policy.sends = static_cast<std::uint32_t>(chosen.integer("sends"));
  policy.placements = static_cast<std::uint32_t>(chosen.integer("placements"));
  policy.first_timeout = duration("first_timeout");
  policy.backoff = duration("backoff");
  policy.backoff_max = duration("backoff_max");
  policy.deadline = duration("deadline");
  if (policy.backoff > policy.backoff_max)
    throw std::invalid_argument("backoff is longer than backoff_max, the longest pause: lower "
                                "backoff or raise backoff_max");
  return policy;
}

/// One copy, sent until it is acknowledged.
class retransmit final : public atl::copies::whole_copies {
 public:
  explicit retransmit(const recovery_setup& setup)
      : whole_copies{{1, 1}}, policy_{policy_of(setup.options)} {}

  std::optional<transfer_policy> transfers() const override { return policy_; }

 private:
  transfer_policy policy_;
};

constexpr claim claims[] = {{"survives_losses", "0"}, {"storage_cost", "100"}};

constexpr option_spec options_known[] = {
    {"sends", option_type::integer, "5", "1", "100",
     "How often a chunk is sent to a node that doesn't acknowledge it, before another gets it"},
    {"placements", option_type::integer, "3", "1", "100", "How many nodes are tried"},
    {"first_timeout", option_type::duration, "600ms", "10ms", "10m",
     "How long the first node may be silent; later ones as long as 'client.transfer_timeout'"},
    {"backoff", option_type::duration, "20ms", "1ms", "1m",
     "The first pause before a chunk is sent again; pauses double, with jitter"},
    {"backoff_max", option_type::duration, "2s", "1ms", "10m", "The longest such pause"},
    {"deadline", option_type::duration, "2m", "1ms", "24h",
     "How long a chunk is sent again while no node takes anything"},
};

} // namespace

ATOLL_PLUGIN(recovery, retransmit, 1, 0, 0){
    .summary = "One copy, sent until it is acknowledged; survives lost messages, and no lost node",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new retransmit{setup}; },
};
