#include "two_groups.hpp"

#include <atoll/node/application.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <stdexcept>

namespace {

using atl::runtime::envelope;

/// Throws when it is told to.
caf::behavior fail_when_told(caf::event_based_actor*) {
  return {[](const envelope& message) -> envelope {
            if (message.kind == two_groups::fail_now)
              throw std::runtime_error{"it was told to fail"};
            return atl::runtime::make_reply(
                {atl::fail(atl::errc::invalid, "only failing is possible"), {}, false});
          },
          [](const atl::runtime::turned_away&) {}};
}

class failing_service final : public atl::node::replicated_service {
 public:
  using replicated_service::replicated_service;

 private:
  atl::result<std::shared_ptr<atl::replicated_state>>
  open_state(const std::filesystem::path& folder,
             const atl::replicated_state::settings& how) override {
    auto opened = atl::replicated_state::open(folder, how, std::make_unique<two_groups::counter>());
    if (!opened)
      return tl::unexpected{opened.error()};
    return std::shared_ptr<atl::replicated_state>{std::move(*opened)};
  }
  atl::result<caf::actor> start_application(const atl::node::service_member&) override {
    return node().actors->spawn(fail_when_told);
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
