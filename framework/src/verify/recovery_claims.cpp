#include "kits.hpp"

namespace atl::verify {

std::vector<known_claim> recovery_claims() {
  return {{.name = "survives_losses", .form = value_form::number},
          {.name = "storage_cost", .form = value_form::number}};
}

} // namespace atl::verify
