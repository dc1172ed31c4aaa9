#include "renamed_protocol.hpp"

#include <algorithm>
#include <utility>

namespace atl::sim {

namespace {

using spi::replica_id;

/// The protocol's ids by the host's replica numbers.
class id_table {
 public:
  explicit id_table(std::vector<replica_id> ids) : ids_{std::move(ids)} {}

  /// Ids of no replica are passed on unchanged, as malformed input would be.
  replica_id id_of(replica_id number) const {
    return number >= 1 && number <= ids_.size() ? ids_[number - 1] : number;
  }
  /// 0 for an id of no replica, which a host treats as a protocol error.
  replica_id number_of(replica_id id) const {
    auto found = std::find(ids_.begin(), ids_.end(), id);
    return found == ids_.end() ? 0 : static_cast<replica_id>(found - ids_.begin() + 1);
  }
  std::vector<replica_id> ids_of(std::vector<replica_id> numbers) const {
    for (auto& number : numbers)
      number = id_of(number);
    return numbers;
  }
  std::vector<replica_id> numbers_of(std::vector<replica_id> ids) const {
    for (auto& id : ids)
      id = number_of(id);
    return ids;
  }

 private:
  std::vector<replica_id> ids_;
};

class renamed_protocol final : public spi::consensus {
 public:
  renamed_protocol(std::unique_ptr<spi::consensus> inner, const id_table& table)
      : inner_{std::move(inner)}, table_{table} {}

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override {
    inner_->start(std::move(stable), applied, now);
  }
  void advance(spi::timestamp now) override { inner_->advance(now); }
  spi::timestamp deadline() const override { return inner_->deadline(); }
  void step(replica_id from, std::string_view bytes) override {
    inner_->step(table_.id_of(from), bytes);
  }
  void on_durable(spi::persist_token token) override { inner_->on_durable(token); }
  void on_unreachable(replica_id peer) override { inner_->on_unreachable(table_.id_of(peer)); }
  void propose(spi::request_id id, std::string command) override {
    inner_->propose(id, std::move(command));
  }
  void read(spi::request_id id, spi::read_level level) override { inner_->read(id, level); }
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override {
    inner_->on_validated(ticket, ok, reason);
  }
  void reconfigure(spi::request_id id, std::vector<replica_id> voters,
                   std::vector<replica_id> learners) override {
    inner_->reconfigure(id, table_.ids_of(std::move(voters)), table_.ids_of(std::move(learners)));
  }
  void transfer(replica_id to) override { inner_->transfer(table_.id_of(to)); }
  void on_applied(spi::log_index index) override { inner_->on_applied(index); }
  void on_snapshot_sent(replica_id to, bool ok) override {
    inner_->on_snapshot_sent(table_.id_of(to), ok);
  }
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
      std::visit([this](auto& effect) { rename(effect); }, out[i]);
  }
  spi::consensus_status status() const override {
    auto it = inner_->status();
    it.leader = table_.number_of(it.leader);
    return it;
  }
  void declare_lost(replica_id id) override { inner_->declare_lost(table_.id_of(id)); }

 private:
  void rename(spi::send& it) const { it.to = table_.number_of(it.to); }
  void rename(spi::refuse& it) const { it.hint = table_.number_of(it.hint); }
  void rename(spi::read_refused& it) const { it.hint = table_.number_of(it.hint); }
  void rename(spi::send_snapshot& it) const { it.to = table_.number_of(it.to); }
  void rename(spi::role_changed& it) const { it.leader = table_.number_of(it.leader); }
  void rename(spi::members_changed& it) const {
    it.voters = table_.numbers_of(std::move(it.voters));
    it.learners = table_.numbers_of(std::move(it.learners));
  }
  template <class Effect>
  void rename(Effect&) const {} // names no replica

  std::unique_ptr<spi::consensus> inner_;
  id_table table_;
};

} // namespace

consensus_factory with_ids(consensus_factory factory, std::vector<replica_id> ids) {
  return [factory = std::move(factory), table = id_table{std::move(ids)}](
             const spi::consensus_setup& setup) -> std::unique_ptr<spi::consensus> {
    auto made = factory({setup.options, table.id_of(setup.self), table.ids_of(setup.voters),
                         setup.seed, setup.incarnation});
    return made ? std::make_unique<renamed_protocol>(std::move(made), table) : nullptr;
  };
}

} // namespace atl::sim
