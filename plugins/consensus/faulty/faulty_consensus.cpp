#include "../../common/fault_draw.hpp"

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/plugin_finder.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace {

using namespace atl::spi;
using atl::faulty::fault_draw;

/// Another protocol, a share of whose messages is lost, repeated, late, or cut short, as by a bad
/// network. What the protocol stores, commits and answers is never touched.
class faulty final : public consensus {
 public:
  explicit faulty(const consensus_setup& setup)
      : found_{find_named_plugin(plugin_kind::consensus, setup.options)},
        inner_{found_->create.consensus(
            {found_.options, setup.self, setup.voters, setup.seed, setup.incarnation})},
        faults_{setup.options, setup.seed ^ setup.incarnation}, repeat_{
                                                                    setup.options.real("repeat")} {}

  void start(stable_state stable, log_index applied, timestamp now) override {
    now_ = now;
    inner_->start(std::move(stable), applied, now);
  }
  void advance(timestamp now) override {
    now_ = now;
    inner_->advance(now);
  }
  timestamp deadline() const override {
    auto next = inner_->deadline();
    for (auto& each : late_)
      next = std::min(next, each.due);
    return next;
  }
  void step(replica_id from, std::string_view bytes) override { inner_->step(from, bytes); }
  void on_durable(persist_token token) override { inner_->on_durable(token); }
  void on_unreachable(replica_id peer) override { inner_->on_unreachable(peer); }
  void propose(request_id id, std::string command) override {
    inner_->propose(id, std::move(command));
  }
  void read(request_id id, read_level level) override { inner_->read(id, level); }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    inner_->on_validated(ticket, ok, reason);
  }
  void reconfigure(request_id id, std::vector<replica_id> voters,
                   std::vector<replica_id> learners) override {
    inner_->reconfigure(id, std::move(voters), std::move(learners));
  }
  void transfer(replica_id to) override { inner_->transfer(to); }
  void on_applied(log_index index) override { inner_->on_applied(index); }
  void on_snapshot_sent(replica_id to, bool ok) override { inner_->on_snapshot_sent(to, ok); }
  void on_snapshot_received(log_index index, std::string_view blob) override {
    inner_->on_snapshot_received(index, blob);
  }
  std::string snapshot_blob(log_index index) const override { return inner_->snapshot_blob(index); }
  void on_installed(log_index index) override { inner_->on_installed(index); }
  consensus_status status() const override { return inner_->status(); }
  void declare_lost(replica_id lost) override { inner_->declare_lost(lost); }
  bool rebuild_from(const stable_state& stable, log_index index, std::string_view blob) override {
    return inner_->rebuild_from(stable, index, blob);
  }

  void drain(std::vector<effect>& out) override {
    std::vector<effect> effects;
    inner_->drain(effects);
    send_late(out);
    for (auto& each : effects)
      if (auto* message = std::get_if<send>(&each))
        pass_on(std::move(*message), out);
      else
        out.push_back(std::move(each));
  }

 private:
  struct late_message {
    timestamp due{0};
    send message;
  };

  void send_late(std::vector<effect>& out) {
    auto rest = std::stable_partition(late_.begin(), late_.end(),
                                      [&](auto& each) { return each.due <= now_; });
    for (auto each = late_.begin(); each != rest; ++each)
      out.push_back(std::move(each->message));
    late_.erase(late_.begin(), rest);
  }

  void pass_on(send message, std::vector<effect>& out) {
    if (faults_.fails())
      return;
    // A message that is cut short is malformed, and never another message.
    if (!message.bytes.empty() && faults_.garbles())
      message.bytes.resize(faults_.below(message.bytes.size()));
    if (late_.size() < late_max && faults_.delays())
      late_.push_back({now_ + faults_.some_time(), message});
    else
      out.push_back(message);
    if (faults_.chance(repeat_))
      out.push_back(std::move(message));
  }

  static constexpr std::size_t late_max = 1000;

  const found_plugin found_;
  const std::unique_ptr<consensus> inner_;
  fault_draw faults_;
  const double repeat_;
  timestamp now_{0};
  std::vector<late_message> late_;
};

namespace specs = atl::faulty;

constexpr option_spec options_known[] = {
    specs::plugin_option("raft"),
    specs::options_option,
    specs::share_option("fail", "The share of messages that are lost"),
    specs::share_option("repeat", "The share of messages that are sent twice"),
    specs::share_option("garble", "The share of messages that are cut short"),
    specs::share_option("delay", "The share of messages that are sent up to delay_time later"),
    specs::delay_time_option,
    specs::seed_option,
};

} // namespace

ATOLL_PLUGIN(consensus, faulty, 1, 0, 0){
    .summary = "Another protocol, a share of whose messages is lost, late or repeated: for "
               "rehearsals",
    .licence = "Apache-2.0",
    .protocol_versions = {1, 1},
    .options = options_known,
    .create = [](const consensus_setup& setup) -> consensus* { return new faulty{setup}; },
};
