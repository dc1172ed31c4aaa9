#include "../common/deficit_scheduler.hpp"

#include <atoll/spi/balancer.hpp>

#include <utility>

namespace {

using namespace atl::spi;

/// The cyclic order of ids that begins at `first`: the difference wraps around.
struct by_id {
  std::span<const candidate> candidates;
  std::uint64_t first;

  bool operator()(std::size_t a, std::size_t b) const {
    return std::pair{candidates[a].id - first, a} < std::pair{candidates[b].id - first, b};
  }
};

/// Picks candidates in turn, in the order of their ids. An index into the list would mean nothing
/// in the next list, so each candidate has a credit instead: the candidate that is owed most is
/// next, and of equal candidates the next in the order of ids.
class round_robin final : public balancer {
 public:
  explicit round_robin(const balancer_setup& setup)
      : salt_{random_source{setup.seed}.next()}, started_{setup.options.text("start") == "lowest"} {
  }

  std::optional<std::size_t> pick(std::span<const candidate> candidates, std::uint64_t) override {
    open(candidates);
    return scheduler_.pick(candidates, equal_weights_, by_id{candidates, first_id_});
  }

  std::vector<std::size_t> pick_many(std::span<const candidate> candidates, std::size_t count,
                                     std::uint64_t) override {
    open(candidates);
    return scheduler_.pick_many(candidates, equal_weights_, count, by_id{candidates, first_id_});
  }

 private:
  void open(std::span<const candidate> candidates) {
    equal_weights_.resize(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i)
      equal_weights_[i] = candidates[i].healthy ? 1 : 0;
    if (!started_)
      start(candidates);
  }

  /// Chooses the first candidate by ids and seed alone, not by the order of the list.
  void start(std::span<const candidate> candidates) {
    std::uint64_t least = 0;
    for (auto& one : candidates) {
      auto rank = random_source{one.id ^ salt_}.next();
      if (one.healthy && (!started_ || rank < least)) {
        least = rank;
        first_id_ = one.id;
        started_ = true;
      }
    }
  }

  atl::balancers::deficit_scheduler scheduler_;
  std::vector<double> equal_weights_;
  std::uint64_t salt_;
  std::uint64_t first_id_ = 0;
  bool started_;
};

constexpr claim claims[] = {{"shares", "uniform"}, {"spread", "domains"}};

constexpr option_spec options_known[] = {
    {"start", option_type::text, "random", "", "random|lowest",
     "Who is first: one that the seed chooses, so that many clients don't all begin with the same "
     "node, or the one with the lowest id"},
};

} // namespace

ATOLL_PLUGIN(balancer, round_robin, 1, 0, 0){
    .summary = "One after the other, in the order of ids",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const balancer_setup& setup) -> balancer* { return new round_robin{setup}; },
};
