#include "../common/score_board.hpp"
#include "../common/vector_clones.hpp"
#include "../common/weights.hpp"
#include "rewards.hpp"

#include <atoll/spi/balancer.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace atl::spi;
using atl::balancers::score_board;
using atl::balancers::to_float;

/// A bandit with decay: the member with the highest mean reward plus a random part of its
/// uncertainty, for each request that it would have then.
class adaptive final : public balancer {
 public:
  explicit adaptive(const balancer_setup& setup)
      : exploration_{setup.options.real("exploration")},
        rewards_{static_cast<double>(setup.options.integer("memory"))}, random_{setup.seed} {}

  void update(std::span<const member> members) override {
    board_.update(members);
    rewards_.update(members);
    parts_.resize((members.size() + numbers_a_draw - 1) / numbers_a_draw * numbers_a_draw);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    draw_parts();
    measure(request, facts);
    return board_.pick(random_);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    draw_parts();
    measure(request, facts);
    return board_.pick_many(picks, random_);
  }

  void observe(slot who, const outcome& result, timestamp) override { rewards_.add(who, result); }

 private:
  static constexpr std::ptrdiff_t numbers_a_draw = 4; ///< of 16 bits each

  /// Draws for each member which part of its uncertainty it is granted.
  void draw_parts() {
    auto random = random_; // its state stays in registers
    for (auto part = parts_.begin(); part != parts_.end(); part += numbers_a_draw) {
      auto bits = random.next();
      for (std::ptrdiff_t i = 0; i < numbers_a_draw; ++i)
        part[i] = static_cast<std::uint16_t>(bits >> (16 * i));
    }
    random_ = random;
  }

  /// A member divides what it can give among its requests. Outcomes tell so too late: until they
  /// come, all requests would go to the member that was the best.
  ATOLL_VECTOR_CLONES void measure(const pick_request& request, const member_facts& facts) {
    auto whole = exploration_ * std::sqrt(std::log(2 + rewards_.count()));
    board_.measure(request, facts,
                   [unit = static_cast<float>(whole / 0x1p16), means = rewards_.means(),
                    uncertainties = rewards_.uncertainties(), parts = parts_.data(),
                    own = facts.in_flight.data()](std::size_t who) {
                     auto optimistic = means[who] + unit * uncertainties[who] * parts[who];
                     return score_board::to_reverse_score(optimistic / (1 + to_float(own[who])));
                   });
  }

  double exploration_;
  score_board board_{atl::balancers::ties::alike};
  atl::balancers::rewards rewards_;
  std::vector<std::uint16_t> parts_; ///< of 65,536, by slot, and a few to spare
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"avoids", "slow,failing"}};

constexpr option_spec declared[] = {
    {"memory", option_type::integer, "100", "20", "1000000",
     "Outcomes for each member after which an outcome counts 1/e"},
    {"exploration", option_type::real, "0.3", "0.05", "1",
     "How much the picks go to members of which little is known"},
};

} // namespace

ATOLL_PLUGIN(balancer, adaptive, 1, 0, 0){
    .summary = "A bandit: finds the fast and sound members by trial, and forgets with time",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new adaptive{setup}; },
};
