#pragma once

#include <atoll/node/dispatcher_role.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace digging {

inline const atl::node::dispatcher_section workers{"workers"};

/// One worker: answers every request.
inline caf::behavior dig(caf::event_based_actor*, std::uint64_t number) {
  return {[number](const atl::runtime::envelope& request) {
    auto answer = fmt::format("worker {} dug {}", number, request.body);
    return atl::runtime::make_reply({std::move(answer), {}, false});
  }};
}

/// A role whose requests go to one of four workers.
class digger final : public atl::node::dispatcher_role {
 public:
  digger() : dispatcher_role{"digger", workers} {}

 private:
  atl::result<std::vector<atl::runtime::dispatcher_worker>>
  start_workers(atl::node::node_context& node) override {
    node_ = &node;
    std::vector<atl::runtime::dispatcher_worker> list;
    for (std::uint64_t id = 1; id <= 4; ++id) {
      actors_.push_back(node.actors->spawn(dig, id));
      list.push_back({id, fmt::format("worker {}", id), {}, 1, actors_.back()});
    }
    return list;
  }
  void stop_workers() override {
    if (node_ != nullptr)
      atl::node::end_actors(node_->actors, std::exchange(actors_, {}));
  }

  atl::node::node_context* node_ = nullptr;
  std::vector<caf::actor> actors_;
};

} // namespace digging
