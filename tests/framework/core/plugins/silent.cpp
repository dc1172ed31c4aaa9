// A protocol that does nothing but report its configuration.
#include <atoll/spi/consensus.hpp>

#include <stdexcept>

#ifdef SILENT_MAJOR
#undef ATOLL_SPI_consensus_MAJOR
#define ATOLL_SPI_consensus_MAJOR SILENT_MAJOR
#endif

#ifndef SILENT_PROTOCOL
#define SILENT_PROTOCOL                                                                            \
  { 1, 1 }
#endif
#ifndef SILENT_NAME
#define SILENT_NAME silent
#endif

namespace {

using namespace atl::spi;

class silent : public consensus {
 public:
  explicit silent(const consensus_setup& setup)
      : options_{setup.options}, self_{setup.self}, voters_{setup.voters} {
    if (voters_.empty())
      throw std::invalid_argument("a group has at least one voter");
  }

  void start(stable_state, log_index, timestamp) override {}
  void advance(timestamp) override {}
  timestamp deadline() const override { return {}; }
  void step(replica_id, std::string_view) override {}
  void on_durable(persist_token) override {}
  void on_unreachable(replica_id) override {}
  void propose(request_id, std::string) override {}
  void read(request_id, read_level) override {}
  void on_validated(std::uint64_t, bool, std::string_view) override {}
  void reconfigure(request_id, std::vector<replica_id>, std::vector<replica_id>) override {}
  void transfer(replica_id) override {}
  void on_applied(log_index) override {}
  void on_snapshot_sent(replica_id, bool) override {}
  void on_snapshot_received(log_index, std::string_view) override {}
  std::string snapshot_blob(log_index) const override { return {}; }
  void on_installed(log_index) override {}
  void drain(std::vector<effect>&) override {}
  consensus_status status() const override {
    return {.leader = self_, .pending = voters_.size(), .blocked = options_.text("reason")};
  }

 private:
  const options& options_;
  replica_id self_;
  std::vector<replica_id> voters_;
};

constexpr option_spec declared[] = {
    {"reason", option_type::text, "it is silent", "", "", "why nothing happens"},
    {"pause", option_type::duration, "1s", "", "", "how long nothing happens",
     option_scope::member},
};

} // namespace

#define SILENT_PLUGIN(name) ATOLL_PLUGIN(consensus, name, 0, 1, 0)
SILENT_PLUGIN(SILENT_NAME){
    .summary = "Never decides anything",
    .licence = "MIT",
    .protocol_versions = SILENT_PROTOCOL,
    .options = declared,
    .create = [](const consensus_setup& setup) -> consensus* { return new silent(setup); },
};
