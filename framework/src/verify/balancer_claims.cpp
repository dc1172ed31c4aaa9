#include "kits.hpp"

namespace atl::verify {

std::vector<known_claim> balancer_claims() {
  return {{.name = "shares", .values = {"uniform", "weighted"}},
          {.name = "smooth", .values = {"yes"}, .needs = "shares"},
          {.name = "spread", .values = {"domains"}},
          {.name = "keys", .values = {"kept", "minimal", "few"}},
          {.name = "load_bound", .form = value_form::real_option},
          {.name = "max_load", .form = value_form::integer_option},
          {.name = "avoids", .values = {"slow", "failing", "slow,failing"}}};
}

} // namespace atl::verify
