#include "plugins/consensus/mutant.hpp"
#include "scenario_mutants.hpp"
#include "two_phase_commit/wire.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;

const descriptor& right() {
  return ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);
}

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{right().create.consensus(setup)}, setup} {}
};

/// A yes leaves before what it promises is on the disk.
struct prepares_early : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    auto* sent = std::get_if<send>(&it);
    if (!sent)
      return;
    reader in{sent->bytes};
    auto head = atl::two_phase::read_header(in);
    if (head && head->type == atl::two_phase::message_type::vote)
      sent->after = 0;
  }
};

template <class Flawed>
scenario_mutant one(std::string_view name, std::string_view mistake, std::string_view scenario,
                    std::string_view detail) {
  return {name, mistake, like<Flawed>(right()), scenario, detail};
}

} // namespace

std::vector<scenario_mutant> two_phase_commit_mutants() {
  return {
      one<prepares_early>("prepares_early", "a yes leaves before it is durable",
                          "write_not_yet_durable", "index"),
  };
}

} // namespace broken_protocols
