#include "flawed_protocol.hpp"
#include "scenario_mutants.hpp"
#include "two_phase_commit/wire.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;

using flawed = flawed_protocol<ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0)>;

/// A yes vote is sent before it is durable.
struct prepares_early : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    auto* sent = std::get_if<send>(&it);
    if (!sent)
      return;
    reader in{sent->bytes};
    auto head = atl::two_phase::read_header(in);
    if (head && head->type == atl::two_phase::message_type::vote)
      sent->after = 0;
  }
};

} // namespace

std::vector<scenario_mutant> two_phase_commit_mutants() {
  return {
      scenario_mutant_of<prepares_early>("prepares_early", "a yes leaves before it is durable",
                                         "write_not_yet_durable", "index"),
  };
}

} // namespace broken_protocols
