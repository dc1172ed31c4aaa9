#include "plugins/consensus/mutant.hpp"

#include <atoll/spi/plugin.hpp>

#include <memory>
#include <stdexcept>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

/// Raft, with all its options, that throws once eight entries are committed.
namespace {

using namespace atl::spi;

const descriptor& correct_raft() {
  return ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
}

class short_lived : public under_test::mutant {
 public:
  explicit short_lived(const consensus_setup& setup)
      : mutant{std::unique_ptr<consensus>{correct_raft().create.consensus(setup)}, setup} {}

  void step(replica_id from, std::string_view bytes) override {
    if (status().committed >= 8)
      throw std::runtime_error("eight are enough");
    mutant::step(from, bytes);
  }
};

constexpr claim claims[] = {{"safe_with_crashes", "all"},
                            {"live_with_crashes", "minority"},
                            {"linearizable_reads", "yes"},
                            {"changes_members", "yes"},
                            {"trusts_clocks_with", "lease"}};

// As in Raft; constant data can't be copied from there.
constexpr option_spec declared[] = {
    {"heartbeat", option_type::duration, "100ms", "1ms", "1m", "as in raft"},
    {"election_timeout", option_type::duration, "1s", "2ms", "10m", "as in raft"},
    {"read_timeout", option_type::duration, "2s", "1ms", "10m", "as in raft"},
    {"lease", option_type::boolean, "false", "", "", "as in raft"},
    {"clock_drift", option_type::integer, "250000", "0", "100000000", "as in raft"},
    {"batch_bytes", option_type::size, "1MiB", "1KiB", "4MiB", "as in raft"},
    {"window_bytes", option_type::size, "8MiB", "1KiB", "64MiB", "as in raft"},
    {"max_in_flight", option_type::integer, "4096", "1", "65536", "as in raft"},
    {"keep_entries", option_type::integer, "10000", "0", "10000000", "as in raft"},
    {"keep_bytes", option_type::size, "64MiB", "0", "16GiB", "as in raft"},
    {"log_bytes", option_type::size, "256MiB", "1MiB", "64GiB", "as in raft"},
    {"motto", option_type::text, "none", "", "", "any words, which change nothing"},
};

} // namespace

ATOLL_PLUGIN(consensus, short_lived, 1, 0, 0){
    .summary = "Raft that throws once eight entries are committed",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const consensus_setup& setup) -> consensus* { return new short_lived{setup}; },
};
