#include "../common/deficit_scheduler.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

namespace {

using namespace atl::spi;

/// Picks members in turn, in the order of their ids. A slot means nothing in the next list, so each
/// member has a credit instead: the member that is owed most is next, and of equal members the next
/// in the order of ids.
class round_robin final : public balancer {
 public:
  explicit round_robin(const balancer_setup& setup)
      : salt_{random_source{setup.seed}.next()}, starts_lowest_{setup.options.text("start") ==
                                                                "lowest"} {}

  void update(std::span<const member> members) override {
    if (!first_id_ && !members.empty())
      first_id_ = first_of(members);
    std::vector<std::uint32_t> order(members.size()), ranks(members.size());
    std::iota(order.begin(), order.end(), 0);
    // The cyclic order of ids that begins at the first one: the difference wraps around.
    std::sort(order.begin(), order.end(), [&](auto a, auto b) {
      return members[a].id - *first_id_ < members[b].id - *first_id_;
    });
    for (std::uint32_t rank = 0; rank < order.size(); ++rank)
      ranks[order[rank]] = rank;
    scheduler_.update(members, std::vector<double>(members.size(), 1), ranks);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return scheduler_.pick(request, facts);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return scheduler_.pick_many(request, facts, picks);
  }

 private:
  /// The id with which the turns begin: ids and seed decide it, not the order of the list.
  std::uint64_t first_of(std::span<const member> members) const {
    auto key = [&](const member& of) {
      return starts_lowest_ ? of.id : random_source{of.id ^ salt_}.next();
    };
    return std::ranges::min(members, {}, key).id;
  }

  atl::balancers::deficit_scheduler scheduler_;
  std::uint64_t salt_;
  bool starts_lowest_;
  std::optional<std::uint64_t> first_id_;
};

constexpr claim claims[] = {{"shares", "uniform"}, {"smooth", "yes"}, {"spread", "domains"}};

constexpr option_spec declared[] = {
    {"start", option_type::text, "random", "", "random|lowest",
     "Which member is first: one that the seed chooses, so that many clients don't all begin with "
     "the same member, or the one with the lowest id"},
};

} // namespace

ATOLL_PLUGIN(balancer, round_robin, 1, 0, 0){
    .summary = "One after the other, in the order of ids",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new round_robin{setup}; },
};
