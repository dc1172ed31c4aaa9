#pragma once

#include <atoll/sim/simulation.hpp>
#include <atoll/spi/codec.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace toy {

namespace spi = atl::spi;

/// A minimal protocol: one replica, which writes each proposal to its log and
/// applies it, with a switch for each mistake that a test wants to see found.
struct mistakes {
  bool applies_before_durable = false;
  bool forgets_its_log = false;
  bool wrong_token = false;
  bool answers_twice = false;
  bool speaks_to_itself = false;
  bool grows = false;
};

class log final : public spi::consensus {
 public:
  explicit log(mistakes what) : what_{what} {}

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp) override {
    last_ = committed_ = applied;
    for (auto& it : stable.records)
      if (!what_.forgets_its_log && it.index > applied) {
        entries_.push_back({it.index, 0, false, it.bytes});
        last_ = it.index;
      }
    advance_to(last_);
  }
  void advance(spi::timestamp now) override { now_ = now; }
  spi::timestamp deadline() const override { return now_ + std::chrono::seconds{1}; }
  void step(spi::replica_id, std::string_view) override {}
  void on_unreachable(spi::replica_id) override {}
  void on_validated(std::uint64_t, bool, std::string_view) override {}
  void reconfigure(spi::request_id, std::vector<spi::replica_id>,
                   std::vector<spi::replica_id>) override {}
  void transfer(spi::replica_id) override {}
  void on_applied(spi::log_index) override {}
  void on_snapshot_sent(spi::replica_id, bool) override {}
  void on_snapshot_received(spi::log_index, std::string_view) override {}
  std::string snapshot_blob(spi::log_index) const override { return {}; }
  void on_installed(spi::log_index) override {}

  void propose(spi::request_id id, std::string command) override {
    if (command == "no")
      return effects_.push_back(spi::refuse{id, spi::refusal::not_proposed, 0, "it said no"});
    entries_.push_back({++last_, id, false, command});
    ops_.push_back(spi::put_record{0, last_, std::move(command)});
    if (what_.answers_twice)
      effects_.push_back(spi::refuse{id, spi::refusal::unknown, 0, "who knows"});
    if (what_.speaks_to_itself)
      effects_.push_back(spi::send{1, "hello", 0});
    if (what_.applies_before_durable)
      advance_to(last_);
  }
  void read(spi::request_id id, spi::read_level) override {
    effects_.push_back(spi::read_ready{id, committed_});
  }
  void on_durable(spi::persist_token token) override {
    for (; !writes_.empty() && writes_.front().first <= token; writes_.pop_front())
      advance_to(writes_.front().second);
  }
  void drain(std::vector<spi::effect>& out) override {
    if (!ops_.empty()) {
      tokens_ += what_.wrong_token ? 2 : 1;
      out.push_back(spi::persist{tokens_, std::exchange(ops_, {})});
      writes_.emplace_back(tokens_, last_);
    }
    for (auto& it : effects_)
      out.push_back(std::move(it));
    effects_.clear();
  }
  spi::consensus_status status() const override {
    spi::consensus_status out;
    out.committed = committed_;
    out.pending = what_.grows ? 1'000'000 : 0;
    return out;
  }

 private:
  void advance_to(spi::log_index index) {
    spi::apply it;
    for (; !entries_.empty() && entries_.front().index <= index; entries_.pop_front())
      it.entries.push_back(std::move(entries_.front()));
    if (it.entries.empty())
      return;
    committed_ = it.entries.back().index;
    effects_.push_back(std::move(it));
  }

  mistakes what_;
  spi::timestamp now_{0};
  spi::log_index last_ = 0;
  spi::log_index committed_ = 0;
  spi::persist_token tokens_ = 0;
  std::deque<spi::committed_entry> entries_;
  std::deque<std::pair<spi::persist_token, spi::log_index>> writes_;
  std::vector<spi::disk_op> ops_;
  std::vector<spi::effect> effects_;
};

inline atl::sim::consensus_factory factory(mistakes what = {}) {
  return [what](const spi::consensus_setup&) { return std::make_unique<log>(what); };
}

} // namespace toy
