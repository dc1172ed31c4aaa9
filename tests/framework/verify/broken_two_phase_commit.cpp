#include "flawed_protocol.hpp"

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace broken_protocols {

namespace {

using namespace atl::spi;

using flawed = flawed_protocol<ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0)>;

/// Entries that were prepared and not yet applied are forgotten at a start.
struct forgets_prepared_entries : flawed {
  using flawed::flawed;
  void start(stable_state stable, log_index applied, timestamp now) override {
    std::erase_if(stable.records, [applied](auto& it) { return it.index > applied; });
    flawed::start(std::move(stable), applied, now);
  }
};

/// A vote is sent before its record is durable.
struct votes_before_durable : flawed {
  using flawed::flawed;
  void alter_effect(effect& it) override {
    if (auto* sent = std::get_if<send>(&it))
      sent->after = 0;
  }
};

} // namespace

std::vector<specimen> of_two_phase_commit() {
  return {
      specimen_of<forgets_prepared_entries>(
          "forgets_prepared_entries", "what was prepared is forgotten at a start", 20,
          "a replica crashes before each effect", "2th increment of a counter made it 1"),
      specimen_of<votes_before_durable>(
          "votes_before_durable", "a vote leaves before it is on the disk", 200,
          "a replica gets a write, and crashes before that is durable",
          "index 3 is nothing on replica 1, and something else"),
  };
}

} // namespace broken_protocols
