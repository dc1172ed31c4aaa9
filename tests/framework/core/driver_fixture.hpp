#pragma once

#include <atoll/core/consensus_driver.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A driver between a scripted protocol and an environment that only records calls.
namespace driver_test {

using namespace atl;

using lines = std::vector<std::string>;

/// Returns the effects that a test queues, and records the calls that the protocol receives.
class scripted_protocol final : public spi::consensus {
 public:
  void start(spi::stable_state, spi::log_index applied, spi::timestamp) override {
    note("start after {}", applied);
  }
  void advance(spi::timestamp) override {}
  spi::timestamp deadline() const override { return spi::timestamp{7}; }
  void step(spi::replica_id from, std::string_view bytes) override {
    if (bytes == "throw")
      throw std::runtime_error{"on purpose"};
    if (bytes == "throw a number")
      throw 42;
    note("step {} {}", from, bytes);
  }
  void on_durable(spi::persist_token token) override { note("durable {}", token); }
  void on_unreachable(spi::replica_id) override {}
  void propose(spi::request_id id, std::string command) override {
    note("propose {} {}", id, command);
  }
  void read(spi::request_id id, spi::read_level) override { note("read {}", id); }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    note("validated {} {} {}", ticket, ok, reason);
    effects.push_back(spi::send{2, fmt::format("vote {}", ticket), 0});
  }
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id>) override {
    note("reconfigure {} {}", id, voters.size());
  }
  void transfer(spi::replica_id) override {}
  void on_applied(spi::log_index) override {}
  void on_snapshot_sent(spi::replica_id, bool) override {}
  void on_snapshot_received(spi::log_index index, std::string_view blob) override {
    note("received {} {}", index, blob);
  }
  std::string snapshot_blob(spi::log_index) const override { throw std::logic_error{"no blob"}; }
  void on_installed(spi::log_index index) override { note("installed {}", index); }
  void drain(std::vector<spi::effect>& out) override {
    if (throws_from_drain)
      throw std::runtime_error{"no effects"};
    for (auto& it : std::exchange(effects, {}))
      out.push_back(std::move(it));
  }
  spi::consensus_status status() const override { return known; }
  void declare_lost(spi::replica_id id) override { note("lost {}", id); }

  std::vector<spi::effect> effects;
  spi::consensus_status known;
  bool throws_from_drain = false;
  lines calls;

 private:
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    calls.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
};

/// Records the actions that the driver requests without performing them.
class recorder final : public consensus_driver::environment {
 public:
  spi::timestamp now() const override { return spi::timestamp{5}; }
  void schedule_drain() override { ++drains_scheduled; }
  void before_effect(const spi::effect&) override { step(); }
  void between_steps() override { step(); }
  void persist(spi::persist records) override { note("persist {}", records.token); }
  void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) override {
    note("transmit {} {} {}", to, bytes, waited_for);
  }
  void apply(std::vector<spi::committed_entry> entries) override {
    note("apply {}-{}", entries.front().index, entries.back().index);
  }
  void validate(const spi::validate& request) override {
    note("validate {}", request.ticket);
    if (verdict)
      driver->on_validated(request.ticket, *verdict);
  }
  void send_snapshot(spi::replica_id to) override { note("send snapshot {}", to); }
  void install_snapshot(spi::log_index index) override { note("install {}", index); }
  void reply(request_handle to, std::string answer) override { note("reply {} {}", to, answer); }
  void refuse(request_handle to, spi::refuse why) override { note("refuse {} {}", to, why.reason); }
  void answer_reads(std::span<const request_handle> reads) override {
    note("answer reads {}", fmt::join(reads, ","));
  }
  void refuse_read(request_handle to, spi::read_refused why) override {
    note("refuse read {} {}", to, why.reason);
  }
  void on_members_changed() override { note("members"); }
  void on_role_changed(const spi::role_changed& role) override { note("term {}", role.term); }
  void on_unknown_request(spi::request_id id) override { note("unknown {}", id); }
  void on_failure(driver_failure kind, std::string what) override {
    failure = kind;
    note("failure {}", what);
  }

  consensus_driver* driver = nullptr;
  /// The immediate result of `validate`; none: no immediate result.
  std::optional<std::optional<std::string>> verdict;
  int stops_at_step = 0; ///< counted from 1
  int drains_scheduled = 0;
  std::optional<driver_failure> failure;
  lines done;

 private:
  void step() {
    if (stops_at_step > 0 && --stops_at_step == 0)
      driver->stop();
  }
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    done.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
};

struct fixture {
  fixture() {
    env.driver = &driver;
    driver.start({}, 0, {1, 2, 3});
    protocol.calls.clear();
  }

  /// The requests to the environment while these effects are carried out.
  template <class... Effects>
  lines drain(Effects... effects) {
    (protocol.effects.push_back(std::move(effects)), ...);
    env.done.clear();
    driver.drain();
    return std::exchange(env.done, {});
  }
  /// The requests to the environment while the driver handles this event.
  template <class Event>
  lines after(Event event) {
    env.done.clear();
    event();
    return std::exchange(env.done, {});
  }
  lines take_calls() { return std::exchange(protocol.calls, {}); }
  lines apply_up_to(spi::log_index index, std::vector<applied_result> answers = {}) {
    return after([&] { driver.on_entries_applied(index, answers); });
  }

  scripted_protocol protocol;
  recorder env;
  consensus_driver driver{env, protocol};
};

inline spi::persist record(spi::persist_token token) {
  return {token, {spi::set_meta{"term"}}};
}
inline spi::apply entries(spi::log_index first, spi::log_index last) {
  spi::apply batch;
  for (auto index = first; index <= last; ++index)
    batch.entries.push_back({index, 0, false, "x"});
  return batch;
}

} // namespace driver_test
