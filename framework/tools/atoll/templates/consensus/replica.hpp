#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

struct log_entry {
  bool no_op = false; ///< answers a request and holds no command
  std::string command;
  atl::spi::request_id id = 0; ///< of the proposal, if it was made here in this run
};

/// What the leader knows of a follower.
struct follower_progress {
  bool is_known = false;                ///< it has told where its log ends
  atl::spi::log_index acknowledged = 0; ///< durable there
  atl::spi::log_index sent = 0;         ///< sent there, perhaps in vain
  atl::spi::log_index at_last_tick = 0; ///< `acknowledged` at the last heartbeat
  atl::spi::timestamp heard{0};         ///< when its last message came
};

enum class message_kind : std::uint8_t {
  from_leader,   ///< what is committed, and entries from an index on; without them a heartbeat
  from_follower, ///< up to where its log is durable
};

/// A primary with backups (Alsberg & Day, *A principle for resilient sharing of distributed
/// resources*, 1976): the voter with the lowest id leads for good, and an entry is committed when
/// it is durable at every replica. The leader sends an entry only once it is durable there, so each
/// follower's log is a beginning of the leader's. That needs no terms and no elections, loses
/// nothing whatever crashes, and stands still while any replica is down. Replace this code by
/// yours.
class replica final : public atl::spi::consensus {
 public:
  explicit replica(const atl::spi::consensus_setup& setup);

  void start(atl::spi::stable_state stable, atl::spi::log_index applied,
             atl::spi::timestamp now) override;
  void advance(atl::spi::timestamp now) override;
  atl::spi::timestamp deadline() const override;
  void step(atl::spi::replica_id from, std::string_view bytes) override;
  void on_durable(atl::spi::persist_token token) override;
  void propose(atl::spi::request_id id, std::string command) override;
  void read(atl::spi::request_id id, atl::spi::read_level level) override;
  void reconfigure(atl::spi::request_id id, std::vector<atl::spi::replica_id> voters,
                   std::vector<atl::spi::replica_id> learners) override;
  void on_applied(atl::spi::log_index index) override;
  void drain(std::vector<atl::spi::effect>& out) override;
  atl::spi::consensus_status status() const override;

  // Nothing to do: the members and the leader stay, each replica has each entry, so that none needs
  // a snapshot, and no command is validated before it is committed.
  void on_unreachable(atl::spi::replica_id) override {}
  void on_validated(std::uint64_t, bool, std::string_view) override {}
  void transfer(atl::spi::replica_id) override {}
  void on_snapshot_sent(atl::spi::replica_id, bool) override {}
  void on_snapshot_received(atl::spi::log_index, std::string_view) override {}
  std::string snapshot_blob(atl::spi::log_index) const override { return {}; }
  void on_installed(atl::spi::log_index) override {}

 private:
  struct waiting_record {
    atl::spi::persist_token token;
    atl::spi::log_index index;
  };

  atl::spi::replica_id leader() const { return voters_.front(); }
  bool is_leader() const { return self_ == leader(); }
  /// The replica to ask instead; 0: none.
  atl::spi::replica_id hint() const { return is_leader() ? 0 : leader(); }
  atl::spi::replica_role role() const;
  atl::spi::log_index last() const { return committed_ + log_.size(); }
  /// Why no write can succeed now; empty if one can.
  std::string obstacle_to_writes() const;

  /// Takes a record of the log from the disk. @returns whether it is the next one
  bool restore(const atl::spi::stable_record& record);
  void append_in_memory(log_entry entry);
  /// Stores an entry at the next index.
  void append(log_entry entry);
  /// A follower stores the entries that are next, and acknowledges what is durable.
  void follow(atl::spi::log_index committed, atl::spi::reader& in);
  void take_acknowledgement(atl::spi::replica_id id, follower_progress& progress,
                            atl::spi::log_index upto);
  /// Sends the follower the next entries that are durable here, unless it has to acknowledge others
  /// first. Entries go together, because messages may overtake each other.
  void send_entries(atl::spi::replica_id id, follower_progress& progress);
  void commit_what_all_have();
  void commit(atl::spi::log_index upto);

  atl::spi::replica_id self_;
  std::vector<atl::spi::replica_id> voters_; ///< in ascending order: the first one leads
  atl::spi::timestamp heartbeat_;
  atl::spi::timestamp failure_timeout_;
  std::size_t backlog_max_;

  atl::spi::timestamp now_{0};
  atl::spi::timestamp next_heartbeat_{0};
  std::map<atl::spi::replica_id, follower_progress> followers_; ///< empty at a follower

  std::deque<log_entry> log_; ///< the entries that are not committed yet
  std::size_t backlog_ = 0;   ///< bytes of their commands
  atl::spi::log_index committed_ = 0;
  atl::spi::log_index durable_ = 0;                ///< the last index that is on the disk here
  atl::spi::log_index first_ = 1;                  ///< the first one that is still on the disk
  atl::spi::log_index committed_before_start_ = 0; ///< at most: all that the log held at the start
  atl::spi::persist_token last_token_ = 0;
  std::deque<waiting_record> persisting_;
  std::vector<atl::spi::effect> out_;
};
