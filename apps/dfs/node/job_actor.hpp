#pragma once

#include "node/piece_runner.hpp"

#include <atoll/runtime/envelope.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/result.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace dfs {

/// Takes what clients send a storage node for their jobs: pieces, and cancellations.
class job_actor : public caf::event_based_actor {
 public:
  job_actor(caf::actor_config& config, std::shared_ptr<piece_runner> pieces);
  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "dfs.jobs"; }

 private:
  using promise = caf::typed_response_promise<atl::runtime::envelope>;

  caf::result<atl::runtime::envelope> on_envelope(const atl::runtime::envelope& message);
  std::function<void(atl::result<std::string>)> make_completion(promise answer);

  std::shared_ptr<piece_runner> pieces_;
  std::unordered_map<std::uint64_t, promise> calls_; ///< that wait for their `piece_ended`
  std::uint64_t last_call_ = 0;
};

} // namespace dfs
