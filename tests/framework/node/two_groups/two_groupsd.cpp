#include "two_groups.hpp"

#include <atoll/node/application.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <stdexcept>

namespace {

using atl::runtime::envelope;

/// Throws when it is told to, and passes what else it gets on to the service's usual actor.
class failing_actor : public caf::event_based_actor {
 public:
  failing_actor(caf::actor_config& config, caf::actor usual)
      : caf::event_based_actor{config}, usual_{std::move(usual)} {}

  caf::behavior make_behavior() override {
    return {[this](envelope& message) -> caf::result<envelope> {
              if (message.kind == two_groups::fail_now)
                throw std::runtime_error{"it was told to fail"};
              auto promise = make_response_promise();
              promise.delegate(usual_, std::move(message));
              return promise;
            },
            [](const atl::runtime::turned_away&) {}};
  }
  void on_exit() override {
    send_exit(usual_, caf::exit_reason::user_shutdown);
    usual_ = nullptr;
  }

 private:
  caf::actor usual_;
};

class failing_service final : public atl::node::replicated_service {
 public:
  using replicated_service::replicated_service;

 private:
  atl::result<std::shared_ptr<atl::state_machine>>
  open_state(const std::filesystem::path& folder,
             const atl::replicated_state::settings& how) override {
    auto opened = atl::replicated_state::open(folder, how, std::make_unique<two_groups::counter>());
    if (!opened)
      return tl::unexpected{opened.error()};
    return std::shared_ptr<atl::state_machine>{std::move(*opened)};
  }
  atl::result<caf::actor> start_application(const atl::node::service_member& member) override {
    auto usual = replicated_service::start_application(member);
    if (!usual)
      return usual;
    return node().actors->spawn<failing_actor>(std::move(*usual));
  }
};

} // namespace

/// The program of a node.
int main(int argc, char** argv) {
  using namespace atl::node;
  application program;
  program.name = "two_groups";
  program.program = "two_groupsd";
  program.version = "1.0.0";
  program.description = "two_groupsd runs a member of one or two groups that count commands.";
  program.plugins = two_groups::jobs.plugins;
  program.roles = {std::make_shared<service_role<two_groups::counter>>(two_groups::jobs),
                   std::make_shared<failing_service>(two_groups::locks)};
  return node_main(argc, argv, program);
}
