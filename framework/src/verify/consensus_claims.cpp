#include "kits.hpp"

namespace atl::verify {

std::vector<known_claim> consensus_claims() {
  const std::vector<std::string> crashes{"none", "minority", "all"};
  const std::vector<std::string> yes_or_no{"yes", "no"};
  return {{.name = "safe_with_crashes", .values = crashes},
          {.name = "live_with_crashes", .values = crashes},
          {.name = "linearizable_reads", .values = yes_or_no},
          {.name = "changes_members", .values = yes_or_no},
          {.name = "transfers_leadership", .values = yes_or_no},
          {.name = "rebuilds_state", .values = yes_or_no},
          {.name = "blocks_on_one_failure", .values = yes_or_no},
          {.name = "trusts_clocks_with", .form = value_form::clock_option},
          {.name = "quorum_options", .form = value_form::option_names}};
}

} // namespace atl::verify
