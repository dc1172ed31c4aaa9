#pragma once

#include <atoll/core/proposal_clock.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/core/state_runner.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/shared_mark.hpp>
#include <atoll/spi/consensus.hpp>

#include <caf/actor.hpp>

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace atl::runtime {

/// The actor host of a consensus plugin: hands it what happens, and carries out its effects.
/// Records go to the log's thread, committed entries to the state machine's, messages to the
/// connections; the actor itself never waits. Masters that it isn't told about become known when
/// they greet.
class replica_actor : public io_thread_actor {
 public:
  struct peer {
    spi::replica_id id = 0;
    std::string name;
    endpoint where; ///< told to clients that should turn to it
  };

  struct settings {
    node_info self;
    std::vector<peer> group; ///< all masters that are known, this one included
    connection_settings timing;
    /// Must outlive the actor's threads: the one who runs the node ends the actor first.
    std::shared_ptr<state_machine> machine;
    std::shared_ptr<record_log> log;
    std::shared_ptr<spi::consensus> protocol;
    spi::stable_state stable;            ///< what `log` held when it was opened
    caf::actor supervisor;               ///< gets `node_failure`
    std::vector<spi::replica_id> voters; ///< of the group at its birth
    /// Where snapshots lie while they go out or come in, on the state machine's disk; emptied at
    /// the start. Empty: this replica neither gives nor takes any.
    std::filesystem::path snapshots;
    endpoint snapshots_listen; ///< where their files are given; port 0: any that is free
    /// Of a protocol that claims `blocks_on_one_failure`: what it refuses without naming another
    /// replica, no other would take, so clients needn't go round and ask.
    bool blocks_on_one_failure = false;
    std::uint64_t seed = 0;
  };

  replica_actor(caf::actor_config& config, settings given);
  ~replica_actor() override;

  caf::behavior make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "atoll.replica"; }

 private:
  using promise = caf::typed_response_promise<envelope>;

  /// Who waits for an answer: a request of its own, or one of a client's calls that came together.
  struct requester {
    promise single;
    caf::actor client; ///< null: it is a request
    std::uint64_t call = 0;
    /// Of a local read: the index that was applied before the query. None: not to be told.
    std::optional<spi::log_index> applied{};
  };
  struct waiting_send {
    spi::replica_id to;
    std::string bytes;
  };
  struct waiting_command {
    requester from;
    spi::timestamp since;
  };
  struct waiting_change {
    spi::request_id id = 0;
    std::vector<spi::replica_id> voters; ///< in order, like `learners`
    std::vector<spi::replica_id> learners;
  };
  struct waiting_read {
    std::string query;
    requester from;
  };
  struct validation {
    std::uint64_t ticket;
    std::optional<error> rejection;
  };

  // Disks that fill up.
  void look_at_disk();
  void on_peer_space(const peer_space& told);
  bool leads();
  bool is_short(spi::replica_id member) const;
  /// Are there too few members with space left to commit anything?
  bool lacks_space_to_commit() const;
  /// Why a command isn't taken for want of space; none where it is.
  std::optional<reply> refuse_for_space(std::string_view command);
  std::string describe_full_disks() const;
  void hand_over_for_space();

  void start();
  void connect_to_group();
  void update_mark();
  void connect_to(const peer& to);
  spi::timestamp now() const;
  /// Runs an event of the protocol: time first, then the event. What came of it is carried out
  /// behind all that waits in the mailbox, so that under load many events share a record and a
  /// message. A plugin that throws ends this role, by name.
  template <class Event>
  void drive(Event event);
  template <class Call>
  void guard(Call call);
  void carry_out();
  void carry_out(spi::persist& effect);
  void carry_out(spi::send& effect);
  void carry_out(spi::apply& effect);
  void carry_out(spi::refuse& effect);
  void carry_out(spi::read_ready& effect);
  void carry_out(spi::read_refused& effect);
  void carry_out(spi::validate& effect);
  bool answer_validations();
  void carry_out(spi::send_snapshot& effect);
  void carry_out(spi::install_snapshot& effect);
  void carry_out(spi::members_changed& effect);
  void carry_out(spi::role_changed& effect);
  void carry_out(spi::fatal& effect);
  void transmit(spi::replica_id to, std::string bytes);
  void arm_timer();
  void stop_serving(const error& problem);

  caf::result<envelope> submit(submit_command& request);
  caf::result<envelope> on_query(query_state& request);
  void take_calls(client_calls& request);
  void begin_command(std::string command, requester from);
  void begin_read(std::string query, requester from, spi::read_level level);
  void answer(const requester& to, const reply& what);
  void send_answers();
  void release_reads();
  void on_durable(spi::persist_token token);
  void on_entries_applied(entries_applied& done);
  void on_queries_answered(queries_answered& done);
  void on_connection_event(const connection_event& event);
  void on_seen(const node_info& who);
  void forget_former(const std::string& name);
  caf::result<envelope> change(change_members& request);
  spi::request_id id_of_change(change_members& request);
  envelope transfer(spi::replica_id to);
  caf::result<envelope> forward_snapshot_call(snapshot_call& call);
  void on_saved(state_saved& saved);
  void on_arrived(snapshot_arrived& arrived);
  void on_loaded(const state_loaded& loaded);
  void finish_command(spi::request_id id, const reply& what);
  std::vector<known_replica> known() const;
  replica_view view() const;
  reply error_reply(errc code, std::string why, spi::replica_id hint = 0, bool in_doubt = false);

  settings settings_;
  std::unique_ptr<state_runner> runner_;
  std::map<spi::replica_id, caf::actor> connections_;
  std::vector<spi::effect> effects_;
  std::vector<validation> validations_; ///< made, and not yet told to the protocol
  bool drain_pending_ = false;
  std::map<caf::actor, std::vector<client_answer>> answers_; ///< to be sent
  std::multimap<spi::persist_token, waiting_send> held_;     ///< until their records are durable
  spi::persist_token durable_ = 0;
  spi::log_index applied_ = 0;
  spi::log_index flushed_ = 0;
  spi::log_index delivered_ = 0; ///< entries given to the state machine
  std::uint64_t digest_ = 0;     ///< of the group
  std::vector<spi::replica_id> voters_;
  std::vector<spi::replica_id> learners_;
  caf::actor snapshot_transfer_;
  std::filesystem::path arrived_; ///< the last snapshot that came in
  bool loading_ = false;          ///< it is taking the state's place; no other may come in
  std::uint64_t snapshots_ordered_ = 0;
  /// Several wait for one request when the same change of the members was asked for again.
  std::unordered_multimap<spi::request_id, waiting_command> commands_;
  waiting_change change_; ///< under way while its id is among `commands_`
  std::unordered_map<spi::request_id, requester> queries_;  ///< at the state machine
  std::unordered_map<spi::request_id, waiting_read> reads_; ///< protocol not yet ready
  std::multimap<spi::log_index, waiting_read> ready_reads_; ///< state not yet there
  spi::request_id next_request_ = 0;
  std::uint64_t timer_generation_ = 0;
  spi::timestamp armed_for_ = spi::timestamp::max();
  std::shared_ptr<shared_mark> mark_;
  /// The protocol's term with each record that isn't durable yet.
  std::deque<std::pair<spi::persist_token, std::uint64_t>> unsynced_terms_;
  std::uint64_t durable_term_ = 0;
  std::optional<std::string> shortage_;   ///< of space on the disk here
  std::set<spi::replica_id> short_peers_; ///< that say they are short of space
  /// Since when a leader without space tries to let another one lead.
  std::optional<spi::timestamp> hands_over_since_;
  std::size_t handovers_ = 0;
  proposal_clock clock_; ///< of the stamps that commands get here
  replica_metrics metrics_;
  bool serving_ = true;
  std::chrono::steady_clock::time_point birth_ = std::chrono::steady_clock::now();
};

} // namespace atl::runtime
