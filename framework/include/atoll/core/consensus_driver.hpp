#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl {

/// The environment's own identifier of a request; the driver passes it back with the reply.
using request_handle = std::uint64_t;

/// What a state machine answered to the proposals among the entries that it applied.
using applied_result = std::pair<spi::request_id, std::string>;

/// Why a driver stopped.
enum class driver_failure : std::uint8_t {
  threw,  ///< the protocol threw an exception
  breach, ///< the protocol broke the contract of its interface
  fatal,  ///< the protocol said that it can't go on
};

/// Drives one replica of a consensus protocol: tells the protocol what happens, carries out its
/// effects in their order, and keeps what the interface promises to a protocol. A message leaves
/// after the record that it names is durable; a read is answered after its index is applied; a
/// request is answered once. The driver also checks what the protocol promises in return: tokens
/// and indexes follow each other without gaps, and only a snapshot that arrived is installed.
///
/// The driver is pure: disks, connections, clocks and the state machine belong to its environment.
/// The actor of a cluster and the simulated replica are two environments of this one driver, so
/// that the simulator proves the code that a cluster runs. Used from one thread.
class consensus_driver {
 public:
  /// The services that a driver uses. Each call returns at once; an operation that takes time ends
  /// with a later call of the driver. During `drain` the environment may call `on_validated`,
  /// `on_entries_applied` and `stop`, and ask for state; other events have to wait until `drain`
  /// returned.
  class environment {
   public:
    /// The present time, which never decreases.
    virtual spi::timestamp now() const = 0;
    /// The protocol was told of an event: call `drain`, at once or after more events.
    virtual void schedule_drain() = 0;

    /// The driver is about to carry out `next`. A simulated replica may crash here, which calls
    /// `stop`.
    virtual void before_effect(const spi::effect& next) = 0;
    /// The driver is between two other steps, for example two messages whose record became
    /// durable. A simulated replica may crash here as well.
    virtual void between_steps() = 0;

    /// Makes the records durable, in the order of the calls; then calls `on_durable`.
    virtual void persist(spi::persist records) = 0;
    /// Sends a message that may leave now. @param waited_for the token that the driver held the
    /// message back for; 0: the message didn't have to wait.
    virtual void transmit(spi::replica_id to, std::string bytes, spi::persist_token waited_for) = 0;
    /// Applies entries, in the order of the calls; then calls `on_entries_applied`.
    virtual void apply(std::vector<spi::committed_entry> entries) = 0;
    /// Asks the state machine whether it could carry out a command; then calls `on_validated`,
    /// before it returns or later.
    virtual void validate(const spi::validate& request) = 0;
    /// Sends the newest snapshot; then reports the outcome through `call`, as `on_snapshot_sent`.
    virtual void send_snapshot(spi::replica_id to) = 0;
    /// Replaces the state by the snapshot that arrived last, after it has applied all earlier
    /// entries; then calls `on_installed`.
    virtual void install_snapshot(spi::log_index index) = 0;

    /// A proposal is committed and applied.
    virtual void reply(request_handle to, std::string answer) = 0;
    virtual void refuse(request_handle to, spi::refuse why) = 0;
    /// The state machine's present state is fresh enough for these reads.
    virtual void answer_reads(std::span<const request_handle> reads) = 0;
    virtual void refuse_read(request_handle to, spi::read_refused why) = 0;

    /// `members` changed.
    virtual void on_members_changed() = 0;
    virtual void on_role_changed(const spi::role_changed& role) = 0;

    /// The protocol or the state machine answered a request that was answered before, or was never
    /// made. No client waits for this answer.
    virtual void on_unknown_request(spi::request_id id) = 0;
    /// The driver has stopped. @param what the breach, as in "persists with token 3 after 1"; the
    /// text of the exception; or the protocol's reason.
    virtual void on_failure(driver_failure kind, std::string what) = 0;

   protected:
    ~environment() = default;
  };

  /// What other replicas compare with the log of a later incarnation, to detect that this replica
  /// came back with an older disk.
  struct durable_mark {
    std::uint64_t term = 0;   ///< the protocol's term when the last durable record was made
    spi::log_index entry = 0; ///< a committed entry that is durable here
  };

  /// The environment must outlive the driver; the protocol must live at least until `stop`.
  consensus_driver(environment& env, spi::consensus& protocol) : env_{env}, protocol_{protocol} {}
  consensus_driver(const consensus_driver&) = delete;
  consensus_driver& operator=(const consensus_driver&) = delete;
  virtual ~consensus_driver() = default;

  /// First call; `drain` has to follow. @param applied the index up to which the state machine is
  /// durable. @param voters of the group at its birth.
  void start(spi::stable_state stable, spi::log_index applied, std::vector<spi::replica_id> voters);
  /// Calls the protocol no longer, and carries out no more effects. Requests stay unanswered: the
  /// environment knows them by their handles. May be called at any time, also by an environment
  /// that the driver is calling.
  void stop();
  bool stopped() const { return stopped_; }

  /// Fetches the effects of all calls so far, and carries them out.
  void drain();

  // -- events
  /// Tells the protocol of one or several events that the driver does not track: `step`,
  /// `on_unreachable`, `transfer`, `declare_lost`, `on_snapshot_sent`, `on_applied`, or the passing
  /// of time.
  template <class Event>
  void call(Event event) {
    auto told = guard([&] {
      protocol_.advance(env_.now());
      event(protocol_);
    });
    if (told)
      env_.schedule_drain();
  }
  void propose(request_handle from, std::string command);
  void read(request_handle from, spi::read_level level);
  /// @param lost members whose disks are gone; the protocol is told of these before the change
  void reconfigure(request_handle from, spi::members_changed wanted,
                   std::span<const spi::replica_id> lost = {});
  void on_durable(spi::persist_token token);
  void on_entries_applied(spi::log_index index, std::span<applied_result> answers);
  /// @param rejection why the command can't be carried out; none: it can. A ticket that isn't open
  /// is ignored.
  void on_validated(std::uint64_t ticket, std::optional<std::string> rejection);
  /// A peer's snapshot has arrived. Ignored while another snapshot is being installed: the
  /// environment must then keep the snapshot that is being installed, too (`installing`).
  void on_snapshot_arrived(spi::log_index index, std::string_view blob);
  void on_installed(spi::log_index index);

  // -- state
  spi::persist_token durable() const { return durable_; }
  spi::log_index applied() const { return applied_; }
  /// The last index that the state machine was told to apply or to install.
  spi::log_index delivered() const { return delivered_; }
  bool installing() const { return installing_; }
  /// The members that the protocol reported last.
  const spi::members_changed& members() const { return members_; }
  /// The id of the newest request; the next request has the following id.
  spi::request_id last_request() const { return last_request_; }
  std::size_t proposals() const { return proposals_.size(); } ///< without an answer
  std::size_t held_sends() const { return held_.size(); }
  std::uint64_t durable_term() const { return durable_term_; }

  // -- calls of the protocol that may throw; the driver stops then
  durable_mark mark();
  spi::consensus_status status();
  /// `timestamp::max()` after the driver stopped.
  spi::timestamp deadline();
  /// None after the driver stopped.
  std::optional<std::string> snapshot_blob(spi::log_index index);

 protected:
  struct verdict {
    std::uint64_t ticket = 0;
    std::optional<std::string> rejection;
  };

  // Tests override these steps, to show that the simulator detects a wrong driver.
  /// Transmits a message, or holds it until its record is durable.
  virtual void send(spi::send& message);
  virtual void deliver(spi::apply& batch);
  virtual void install(const spi::install_snapshot& wanted);
  virtual bool can_serve_reads_at(spi::log_index index) const { return index <= applied_; }
  virtual void report_verdict(const verdict& it);

  environment& env() { return env_; }
  void reply(spi::request_id id, std::string answer);

  template <class Call>
  bool guard(Call call) {
    if (stopped_)
      return false;
    try {
      call();
      return true;
    } catch (const std::exception& thrown) {
      fail(driver_failure::threw, thrown.what());
    } catch (...) {
      fail(driver_failure::threw, "something that is no std::exception");
    }
    return false;
  }

 private:
  struct held_send {
    spi::persist_token after = 0;
    spi::replica_id to = 0;
    std::string bytes;
  };
  struct ready_read {
    spi::log_index index = 0;
    request_handle from = 0;
  };
  using request_table = std::unordered_map<spi::request_id, request_handle>;

  void carry_out_effects();
  void carry_out(spi::persist& effect);
  void carry_out(spi::send& effect) { send(effect); }
  void carry_out(spi::apply& effect) { deliver(effect); }
  void carry_out(spi::refuse& effect);
  void carry_out(spi::read_ready& effect);
  void carry_out(spi::read_refused& effect);
  void carry_out(spi::validate& effect);
  void carry_out(spi::send_snapshot& effect) { env_.send_snapshot(effect.to); }
  void carry_out(spi::install_snapshot& effect) { install(effect); }
  void carry_out(spi::members_changed& effect);
  void carry_out(spi::role_changed& effect) { env_.on_role_changed(effect); }
  void carry_out(spi::fatal& effect);
  void release_sends();
  void release_reads();
  void report_verdicts();
  std::optional<request_handle> take(request_table& from, spi::request_id id);
  void fail(driver_failure kind, std::string what);
  /// Lets the environment stop the driver between two steps. @returns false if it has stopped.
  bool continue_after_step();

  environment& env_;
  spi::consensus& protocol_;
  bool stopped_ = false;
  bool draining_ = false;
  std::vector<spi::effect> effects_; ///< the effects of the present drain

  spi::persist_token last_token_ = 0;
  spi::persist_token durable_ = 0;
  std::deque<held_send> held_; ///< ordered by `after`
  /// The protocol's term with each record that isn't durable yet.
  std::deque<std::pair<spi::persist_token, std::uint64_t>> unsynced_terms_;
  std::uint64_t durable_term_ = 0;

  spi::log_index applied_ = 0;
  spi::log_index delivered_ = 0;
  std::optional<spi::log_index> arrived_; ///< the snapshot that may be installed
  bool installing_ = false;

  spi::request_id last_request_ = 0;
  request_table proposals_;
  request_table reads_;                  ///< reads that the protocol hasn't answered
  std::deque<ready_read> ready_reads_;   ///< reads that wait for their index; ordered by `index`
  std::vector<request_handle> released_; ///< reused, so that no memory is allocated
  std::vector<std::uint64_t> open_tickets_;
  std::vector<verdict> verdicts_; ///< verdicts that arrived during `drain`
  spi::members_changed members_;
};

} // namespace atl
