#include "scenario.hpp"

namespace atl::verify {

std::vector<scenario> leadership_scenarios() {
  return {};
}

} // namespace atl::verify
