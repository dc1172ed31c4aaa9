#pragma once

#include "fake_group.hpp"
#include "temporary_folder.hpp"

#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/replica_actor.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// Three nodes in one process, each with a replica in every role: groups of a protocol without
/// elections.
namespace atl::runtime::testing {

/// Replica 1 leads: it sends a command to the others, and commits it once both have acknowledged.
class relay_protocol : public spi::consensus {
 public:
  explicit relay_protocol(spi::replica_id self) : self_{self} {}
  void start(spi::stable_state, spi::log_index, spi::timestamp) override {}
  void advance(spi::timestamp) override {}
  spi::timestamp deadline() const override { return spi::timestamp::max(); }
  void step(spi::replica_id from, std::string_view bytes) override {
    if (self_ != 1) {
      effects_.push_back(spi::send{from, std::string{bytes}, 0});
      return;
    }
    auto open = open_.find(bytes);
    if (open == open_.end() || ++open->second.acknowledged < 2)
      return;
    effects_.push_back(spi::apply{{{++last_, open->second.id, false, open->first}}});
    open_.erase(open);
  }
  void on_durable(spi::persist_token) override {}
  void on_unreachable(spi::replica_id) override {}
  void propose(spi::request_id id, std::string command) override {
    open_[command] = {id, 0};
    for (spi::replica_id to : {2U, 3U})
      effects_.push_back(spi::send{to, command, 0});
  }
  void on_validated(std::uint64_t, bool, std::string_view) override {}
  void read(spi::request_id id, spi::read_level) override {
    effects_.push_back(spi::read_ready{id, last_});
  }
  void reconfigure(spi::request_id, std::vector<spi::replica_id>,
                   std::vector<spi::replica_id>) override {}
  void transfer(spi::replica_id) override {}
  void on_applied(spi::log_index) override {}
  void on_snapshot_sent(spi::replica_id, bool) override {}
  void on_snapshot_received(spi::log_index, std::string_view) override {}
  std::string snapshot_blob(spi::log_index) const override { return {}; }
  void on_installed(spi::log_index) override {}
  void drain(std::vector<spi::effect>& out) override {
    for (auto& effect : effects_)
      out.push_back(std::move(effect));
    effects_.clear();
  }
  spi::consensus_status status() const override {
    spi::consensus_status it;
    it.leader = 1;
    return it;
  }

 private:
  struct proposal {
    spi::request_id id = 0;
    int acknowledged = 0;
  };
  spi::replica_id self_;
  std::vector<spi::effect> effects_;
  std::map<std::string, proposal, std::less<>> open_;
  spi::log_index last_ = 0;
};

/// Responds to each command with the command.
class echo_machine : public state_machine {
 public:
  spi::log_index applied() const override { return 0; }
  result<std::vector<std::string>> apply(std::span<const spi::committed_entry> entries) override {
    std::vector<std::string> answers;
    for (auto& entry : entries)
      answers.push_back(entry.command);
    return answers;
  }
  result<std::string> query(std::string_view query) const override { return std::string{query}; }
  std::optional<error> admission_check(std::string_view) const override { return std::nullopt; }
  result<spi::log_index> flush() override { return 0; }
  result<spi::log_index> save(const std::filesystem::path&) override { return 0; }
  result<spi::log_index> load(const std::filesystem::path&) override { return 0; }
};

class relay_node {
 public:
  relay_node(spi::replica_id id, const std::vector<endpoint>& where,
             const std::vector<role_info>& roles)
      : id_{id}, where_{where} {
    auto self = named("node-" + std::to_string(id));
    self.address = to_string(where[id - 1]);
    self.folder = "folder-" + std::to_string(id);
    description = std::make_shared<node_description>(self);
    for (auto role : roles) {
      role.replica = id;
      description->set_role(role);
    }
    connections = std::make_shared<peer_connections>(*actors, description, quick(), id);
    node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{description, {}});
    for (auto role : roles) {
      role.replica = id;
      add_replica(role);
    }
    if (auto published = actors.publish(node_endpoint, where[id - 1]); !published)
      throw std::runtime_error(published.error().message);
  }
  ~relay_node() {
    for (auto& [role, replica] : replicas)
      caf::anon_send_exit(replica, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
  }

  system actors{1};
  std::shared_ptr<node_description> description;
  std::shared_ptr<peer_connections> connections;
  caf::actor node_endpoint;
  std::map<std::string, caf::actor> replicas; ///< by role

 private:
  void add_replica(const role_info& role) {
    replica_actor::settings settings;
    settings.connections = connections;
    settings.role = role;
    for (spi::replica_id other : {1U, 2U, 3U})
      settings.group.push_back({other, "node-" + std::to_string(other), where_[other - 1]});
    auto log = record_log::open(folder_ / role.name, 1);
    if (!log)
      throw std::runtime_error(log.error().message);
    settings.log = std::move(*log);
    settings.stable = *settings.log->load();
    settings.voters = {1, 2, 3};
    settings.machine = std::make_shared<echo_machine>();
    settings.protocol = std::make_shared<relay_protocol>(id_);
    auto replica = spawn_on_io_thread<replica_actor>(*actors, std::move(settings));
    replicas[role.name] = replica;
    caf::anon_send(node_endpoint, adopt_role{role, replica, nullptr});
  }

  const spi::replica_id id_;
  const std::vector<endpoint> where_;
  temporary_folder folder_;
};

/// Learns which roles of a node are accepted by which other nodes.
class connection_watch {
 public:
  connection_watch(relay_node& node, spi::replica_id to, const endpoint& where,
                   const std::string& role)
      : node_{node} {
    watcher_ = node.actors->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const connection_event& event) {
                std::lock_guard lock{mutex_};
                is_up_ = event.up.has_value();
                times_up_ += event.up ? 1 : 0;
                reason_ = event.reason;
                changed_.notify_all();
              },
              [](const storage_failed&) {}};
    });
    share_ = node.connections->subscribe(where, {watcher_, role, "node-" + std::to_string(to)});
  }
  ~connection_watch() {
    share_ = {};
    caf::scoped_actor self{*node_.actors};
    self->send_exit(watcher_, caf::exit_reason::user_shutdown);
    self->wait_for(watcher_); // it uses this object
  }
  /// @param times how often the subscriber must have been told so
  void wait_until_up(std::size_t times = 1) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return is_up_ && times_up_ >= times; });
  }
  /// Waits until the other node refuses the role. @returns the reason
  std::string wait_until_refused() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return reason_.starts_with("refused"); });
    return reason_;
  }
  bool is_up() {
    std::lock_guard lock{mutex_};
    return is_up_;
  }

 private:
  relay_node& node_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_up_ = false;
  std::size_t times_up_ = 0;
  std::string reason_;
  caf::actor watcher_;
  peer_subscription share_;
};

} // namespace atl::runtime::testing
