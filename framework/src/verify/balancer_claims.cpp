#include "kits.hpp"

namespace atl::verify {

std::vector<known_claim> balancer_claims() {
  return {{.name = "shares", .values = {"uniform", "weighted"}},
          {.name = "spread", .values = {"domains"}}};
}

} // namespace atl::verify
