#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl {

/// A protocol that passes each call on to another one, and the effects back. A subclass overrides
/// the calls that it changes or watches.
class forwarding_consensus : public spi::consensus {
 public:
  explicit forwarding_consensus(std::unique_ptr<spi::consensus> inner) : inner_{std::move(inner)} {}

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    inner_->start(std::move(stable), applied, now);
  }
  void advance(spi::timestamp now) override { inner_->advance(now); }
  spi::timestamp deadline() const override { return inner_->deadline(); }
  void step(spi::replica_id from, std::string_view bytes) override { inner_->step(from, bytes); }
  void on_durable(spi::persist_token token) override { inner_->on_durable(token); }
  void on_unreachable(spi::replica_id peer) override { inner_->on_unreachable(peer); }
  void propose(spi::request_id id, std::string command) override {
    inner_->propose(id, std::move(command));
  }
  void read(spi::request_id id, spi::read_level level) override { inner_->read(id, level); }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    inner_->on_validated(ticket, ok, reason);
  }
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id> learners) override {
    inner_->reconfigure(id, std::move(voters), std::move(learners));
  }
  void transfer(spi::replica_id to) override { inner_->transfer(to); }
  void on_applied(spi::log_index index) override { inner_->on_applied(index); }
  void on_snapshot_sent(spi::replica_id to, bool ok) override { inner_->on_snapshot_sent(to, ok); }
  void on_snapshot_received(spi::log_index index, std::string_view blob) override {
    inner_->on_snapshot_received(index, blob);
  }
  std::string snapshot_blob(spi::log_index index) const override {
    return inner_->snapshot_blob(index);
  }
  void on_installed(spi::log_index index) override { inner_->on_installed(index); }
  void drain(std::vector<spi::effect>& out) override {
    auto first = out.size();
    inner_->drain(out);
    for (auto i = first; i < out.size(); ++i)
      on_effect(out[i]);
  }
  spi::consensus_status status() const override { return inner_->status(); }
  void declare_lost(spi::replica_id id) override { inner_->declare_lost(id); }
  bool rebuild_from(const spi::stable_state& stable, spi::log_index index,
                    std::string_view blob) override {
    return inner_->rebuild_from(stable, index, blob);
  }

 protected:
  /// The inner protocol gave out an effect, which may be changed here.
  virtual void on_effect(spi::effect&) {}
  spi::consensus& inner() { return *inner_; }
  const spi::consensus& inner() const { return *inner_; }

 private:
  std::unique_ptr<spi::consensus> inner_;
};

} // namespace atl
