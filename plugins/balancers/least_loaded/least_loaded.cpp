#include "../common/score_board.hpp"
#include "../common/vector_clones.hpp"
#include "../common/weights.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <span>
#include <vector>

namespace {

using namespace atl::spi;
using atl::balancers::score_board;
using atl::balancers::to_float;

/// Picks the member with the fewest requests in flight for its weight; of equal ones one at random,
/// with probabilities in proportion to their weights.
class least_loaded final : public balancer {
 public:
  explicit least_loaded(const balancer_setup& setup) : random_{setup.seed} {}

  void update(std::span<const member> members) override {
    board_.update(members);
    std::vector<double> weights;
    atl::balancers::normalize_weights(members, weights);
    divisors_.clear();
    for (auto weight : weights)
      divisors_.push_back(weight > 0 ? static_cast<float>(weight) : 1);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    measure(request, facts);
    return board_.pick(random_);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    measure(request, facts);
    return board_.pick_many(picks, random_);
  }

 private:
  ATOLL_VECTOR_CLONES void measure(const pick_request& request, const member_facts& facts) {
    board_.measure(request, facts,
                   [own = facts.in_flight.data(), reported = facts.reported_in_flight.data(),
                    divisors = divisors_.data()](std::size_t who) {
                     auto requests = to_float(std::max(own[who], reported[who]));
                     return score_board::to_score(requests / divisors[who]);
                   });
  }

  random_source random_;
  score_board board_{atl::balancers::ties::by_weight};
  std::vector<float> divisors_; ///< weights, or 1 for a weight of 0
};

constexpr claim claims[] = {{"spread", "domains"}};

} // namespace

ATOLL_PLUGIN(balancer, least_loaded, 1, 0, 0){
    .summary = "The member with the fewest requests in flight for its weight",
    .licence = "Apache-2.0",
    .claims = claims,
    .create = [](const balancer_setup& setup) -> balancer* { return new least_loaded{setup}; },
};
