#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <vector>

using namespace atl::spi;

struct lowest_id : balancer {
  void update(std::span<const member> members) override {
    by_id_.resize(members.size());
    for (slot i = 0; i < members.size(); ++i)
      by_id_[i] = i;
    std::sort(by_id_.begin(), by_id_.end(),
              [&](slot a, slot b) { return members[a].id < members[b].id; });
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    for (auto who : by_id_)
      if (facts.available[who] != 0 && std::ranges::find(request.tried, who) == request.tried.end())
        return who;
    return no_slot;
  }

  std::vector<slot> by_id_;
};

ATOLL_PLUGIN(balancer, lowest_id, 1, 0, 0){
    .summary = "Always the available member with the lowest id",
    .licence = "MIT",
    .create = [](const balancer_setup&) -> balancer* { return new lowest_id; },
};
