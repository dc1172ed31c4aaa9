#include "broken_protocols.hpp"
#include "plugins/consensus/mutant.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;

class flawed : public under_test::mutant {
 public:
  explicit flawed(const consensus_setup& setup)
      : mutant{
            std::unique_ptr<consensus>{
                ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0).create.consensus(setup)},
            setup} {}
};

/// What was prepared, and not yet applied, is forgotten at a start.
struct forgets_what_is_in_doubt : flawed {
  using flawed::flawed;
  void start(stable_state stable, log_index applied, timestamp now) override {
    std::erase_if(stable.records, [applied](auto& it) { return it.index > applied; });
    flawed::start(std::move(stable), applied, now);
  }
};

/// A vote leaves before what it promises is on the disk.
struct votes_before_durable : flawed {
  using flawed::flawed;
  void spoil(effect& it) override {
    if (auto* sent = std::get_if<send>(&it))
      sent->after = 0;
  }
};

template <class Flawed>
specimen one(std::string_view name, std::string_view mistake, std::uint64_t seeds,
             std::string_view property, std::string_view detail) {
  return {name,  mistake,  like<Flawed>(ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0)),
          seeds, property, detail};
}

} // namespace

std::vector<specimen> of_two_phase_commit() {
  return {
      one<forgets_what_is_in_doubt>(
          "forgets_what_is_in_doubt", "what was prepared is forgotten at a start", 20,
          "a replica crashes before each effect", "2th increment of a counter made it 1"),
      one<votes_before_durable>("votes_before_durable", "a vote leaves before it is on the disk",
                                200, "a replica gets a write, and crashes before that is durable",
                                "index 3 is nothing on replica 1, and something else"),
  };
}

} // namespace broken_protocols
