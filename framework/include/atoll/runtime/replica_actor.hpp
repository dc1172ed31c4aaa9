#pragma once

#include <atoll/core/consensus_driver.hpp>
#include <atoll/core/latest_value.hpp>
#include <atoll/core/proposal_clock.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/core/slot_pool.hpp>
#include <atoll/core/state_runner.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/shared_mark.hpp>
#include <atoll/runtime/state_copy.hpp>
#include <atoll/spi/consensus.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace atl::runtime {

/// The environment of a consensus plugin's driver in a cluster. Records go to the log's thread,
/// committed entries to the state machine's, messages to the connections; the actor itself never
/// waits. Replicas that aren't in its settings become known by the handshake of their node.
class replica_actor : public io_thread_actor, private consensus_driver::environment {
 public:
  struct peer {
    spi::replica_id id = 0;
    std::string name;
    endpoint where; ///< named to clients as the replica to ask
  };

  struct settings {
    std::shared_ptr<peer_connections> connections; ///< of the node; describes the node, too
    role_info role;          ///< the replica's role: id, group, and what its members share
    std::vector<peer> group; ///< all members that are known, with this one
    /// Must outlive the actor's threads: the node ends the actor first.
    std::shared_ptr<state_machine> machine;
    std::shared_ptr<record_log> log;
    std::shared_ptr<spi::consensus> protocol;
    spi::stable_state stable;            ///< what `log` held when it was opened
    caf::actor supervisor;               ///< gets `node_failure`
    std::vector<spi::replica_id> voters; ///< of the group at its birth
    /// The folder of snapshots that are sent or received, and of other copies of the state, on the
    /// state machine's disk; its content is removed at the start. Empty: this replica neither sends
    /// nor receives any, and makes no copies.
    std::filesystem::path snapshots;
    endpoint snapshots_listen;  ///< where peers fetch their files; port 0: any free port
    net::cluster_secret secret; ///< for the connections over which the files are fetched
    /// The protocol claims `blocks_on_one_failure`: what one replica refuses without naming
    /// another, all refuse, so clients needn't ask the others.
    bool blocks_on_one_failure = false;
    std::uint64_t seed = 0;
    /// Called at most once, by any thread, before the replica stops because its copy of the state
    /// turned out to be damaged; empty: nobody is told.
    std::function<void(const error&)> state_damaged{};
    /// Called once, when the first record of this run is durable; empty: nobody is told.
    std::function<void()> first_record_durable{};
    /// Gets the replica's view about once a second; null: nobody reads it.
    std::shared_ptr<latest_value<replica_view>> latest_view{};
  };

  replica_actor(caf::actor_config& config, settings given);
  ~replica_actor() override;

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.replica"; }

 private:
  using promise = caf::typed_response_promise<envelope>;

  /// The destination of a reply: a request, or a client's calls, whose answers are sent together.
  struct requester {
    promise single;
    caf::actor client; ///< null: the reply goes to a request
    std::uint64_t call = 0;
    /// Of a local read: the index that was applied before the query. None: the reply does not
    /// include an index.
    std::optional<spi::log_index> applied{};
  };
  /// A request that isn't answered yet.
  struct open_request {
    requester from;
    spi::timestamp since{0};
    std::optional<std::string> query; ///< none: the request is a command, or a change of members
  };
  /// A change of the members under way. A client that waits for long asks for the same change
  /// again; repeated requests share the reply to the first.
  struct open_change {
    request_handle handle = 0;
    std::vector<spi::replica_id> voters; ///< sorted, like `learners`
    std::vector<spi::replica_id> learners;
    std::vector<requester> repeated;
  };

  // Disks that fill up.
  void look_at_disk();
  void on_peer_space(const peer_space& told);
  bool leads();
  bool is_short(spi::replica_id member) const;
  /// Are there too few members with space left to commit anything?
  bool lacks_space_to_commit() const;
  /// Why a command is refused for lack of space; none: the command is accepted.
  std::optional<runtime::reply> refuse_for_space(std::string_view command);
  std::string describe_full_disks() const;
  void hand_over_for_space();

  void start();
  void connect_to_group();
  void connect_to(const peer& to);
  void update_mark();
  void drain();
  void arm_timer();
  void stop_serving(const error& problem);

  caf::result<envelope> submit(submit_command& request);
  caf::result<envelope> on_query(query_state& request);
  void take_calls(client_calls& request);
  void begin_command(std::string command, requester from);
  void begin_read(std::string query, requester from, spi::read_level level);
  void answer(const requester& to, const runtime::reply& what);
  void send_answers();
  /// Replies to a command or a change of members, and to requests that repeated the change.
  void finish(request_handle handle, const requester& from, const runtime::reply& what);
  void on_entries_applied(entries_applied& done);
  void on_queries_answered(queries_answered& done);
  void on_connection_event(const connection_event& event);
  void on_peer_seen(const node_info& node);
  void forget_former(const std::string& name);
  caf::result<envelope> change(change_members& request);
  envelope transfer(spi::replica_id to);
  caf::result<envelope> forward_snapshot_call(snapshot_call& call);
  caf::result<envelope> on_state_wanted(const offer_state& wanted);
  void save_for(spi::replica_id to, std::uint64_t request);
  void on_requested_state_saved(state_saved& saved);
  void on_saved(state_saved& saved);
  void on_arrived(snapshot_arrived& arrived);
  void on_loaded(const state_loaded& loaded);
  void remove_former_copies() const;
  caf::result<state_copied> make_copy();
  void on_copy_made(copy_made& made);
  std::vector<known_replica> known() const;
  replica_view view() const;
  void publish_view() const;
  runtime::reply error_reply(errc code, std::string why, spi::replica_id hint = 0,
                             bool in_doubt = false);

  // -- environment of the driver
  spi::timestamp now() const override;
  /// Drains after everything that waits in the mailbox, so that under load many events share a
  /// record and a message.
  void schedule_drain() override;
  void before_effect(const spi::effect&) override {}
  void between_steps() override {}
  void persist(spi::persist records) override;
  void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) override;
  void apply(std::vector<spi::committed_entry> entries) override;
  void validate(const spi::validate& request) override;
  void send_snapshot(spi::replica_id to) override;
  void install_snapshot(spi::log_index index) override;
  void reply(request_handle to, std::string answer) override;
  void refuse(request_handle to, spi::refuse why) override;
  void answer_reads(std::span<const request_handle> reads) override;
  void refuse_read(request_handle to, spi::read_refused why) override;
  void on_members_changed() override;
  void on_role_changed(const spi::role_changed& role) override;
  void on_unknown_request(spi::request_id) override {}
  void on_failure(driver_failure kind, std::string what) override;

  settings settings_;
  const node_info self_; ///< of the node, when the replica started
  std::unique_ptr<state_runner> runner_;
  std::map<spi::replica_id, peer_subscription> connections_;
  consensus_driver driver_;
  bool drain_pending_ = false;
  std::map<caf::actor, std::vector<client_response>> answers_; ///< to be sent
  /// Commands, changes of members and reads, by their handle; reads stay until the state machine
  /// has answered them.
  slot_pool<open_request> requests_;
  std::optional<open_change> change_;
  spi::log_index flushed_ = 0;
  std::uint64_t digest_ = 0; ///< of the group
  caf::actor snapshot_transfer_;
  std::filesystem::path arrived_; ///< the folder of the snapshot that arrived last
  std::uint64_t snapshots_ordered_ = 0;
  std::uint64_t states_wanted_ = 0;
  std::map<std::uint64_t, promise> wanted_states_; ///< by the number of the request
  std::uint64_t copies_ordered_ = 0;
  /// Those that wait for a copy, by its number.
  std::map<std::uint64_t, caf::typed_response_promise<state_copied>> copies_;
  std::uint64_t timer_generation_ = 0;
  spi::timestamp armed_for_ = spi::timestamp::max();
  std::shared_ptr<shared_mark> mark_;
  std::optional<std::string>
      shortage_; ///< why the disk of this replica is short of space; none: it is not
  std::set<spi::replica_id> short_peers_; ///< peers that report that they are short of space
  /// The time since which a leader without space has tried to hand leadership over.
  std::optional<spi::timestamp> hands_over_since_;
  std::size_t handovers_ = 0;
  proposal_clock clock_; ///< stamps the commands that this replica proposes
  replica_metrics metrics_;
  bool serving_ = true;
  std::chrono::steady_clock::time_point birth_ = std::chrono::steady_clock::now();
};

} // namespace atl::runtime
