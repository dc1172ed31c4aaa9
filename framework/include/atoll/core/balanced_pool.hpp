#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/outlier_detector.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace atl {

/// A member of a pool, as its owner describes it.
struct pool_member {
  std::uint64_t id = 0;
  std::string domain;           ///< failure domain (rack, zone); empty: a domain of its own
  double weight = 1;            ///< ≥ 0 and finite
  std::uint64_t capacity = 0;   ///< bytes; 0: not known, or not a store
  std::uint64_t free_bytes = 0; ///< at first; later `set_free_bytes`
  bool available = true;        ///< at first; later `set_available`

  friend bool operator==(const pool_member&, const pool_member&) = default;
};

struct pool_options {
  outlier_options outliers{}; ///< when a member is taken out for a while
  /// A member that joins a pool in use, or comes back, gets its share little by little during this
  /// time (slow start); 0: at once.
  std::chrono::microseconds slow_start{0};
  /// The failure domain of the pool's owner: its members are preferred while at least
  /// `local_min` of them is available (a share from 0 to 1); empty: no domain is preferred.
  std::string local_domain{};
  double local_min = 0.5;
  std::uint64_t seed = 0;
};

/// Members of a pool, what is known of them, and the balancer that picks among them. The one host
/// of balancers: placing chunks, reading replicas and dispatching requests all go through a pool,
/// and so does the queueing simulation. It keeps the facts by slot, checks what the balancer
/// answers, takes out members that fail again and again, and lets newcomers start slowly.
///
/// Pure: the caller passes the time. Not thread-safe. Members are named by their ids here. Calls
/// with an unknown id do nothing, because an outcome may come after its member has left.
class balanced_pool {
 public:
  using id_span = std::span<const std::uint64_t>;

  /// @param balancer the pool calls it alone from now on
  /// @param name of the plugin, for messages
  balanced_pool(std::shared_ptr<spi::balancer> balancer, std::string name,
                pool_options options = {});

  /// Whether `update` takes such a list. Errors: invalid.
  static status check(const std::vector<pool_member>& members);
  /// Replaces the members, with their availability and free space. Members that stay keep their
  /// other facts. The balancer is told only if an id, a domain, a weight or a capacity
  /// changed. Errors: invalid for a weight that is negative or not finite, an id that occurs twice,
  /// or too many members, and then nothing is changed; internal if the balancer threw, and then the
  /// pool has no members.
  status update(std::vector<pool_member> members, spi::timestamp now);

  // -- time
  /// Other calls that are told the time let it pass as well.
  void advance(spi::timestamp now) { pass_time(now); }
  /// When `advance` may let an ejected member return, at the earliest; the latest of all times: no
  /// member is ejected.
  spi::timestamp next_return() const { return outliers_.next_return(); }

  // -- facts
  void set_available(std::uint64_t id, bool available, spi::timestamp now);
  void set_free_bytes(std::uint64_t id, std::uint64_t bytes);
  void set_reported_in_flight(std::uint64_t id, std::uint32_t requests);
  /// A member that is full is not picked. While a full member could take requests otherwise,
  /// ejected members aren't picked in its place: the owner lets requests wait.
  void set_full(std::uint64_t id, bool full);

  // -- picks
  /// One member for a request; none if no member may be picked. Errors: internal if the balancer
  /// threw or picked what it must not; the message names the plugin, and the next call is made as
  /// if nothing had happened.
  /// @param excluded members that the request must not go to
  result<std::optional<std::uint64_t>> pick(std::uint64_t key, spi::timestamp now,
                                            id_span excluded = {});
  /// Up to `count` different members in order of preference, as `spi::balancer::pick_many` says.
  result<std::vector<std::uint64_t>> pick_many(std::uint64_t key, std::size_t count,
                                               spi::timestamp now, id_span excluded = {});

  /// Orders the members of `among` that may be picked by preference: the first one is the replica
  /// to read from first.
  result<std::vector<std::uint64_t>> order(std::uint64_t key, id_span among, spi::timestamp now);

  /// The members with less free space than this.
  std::vector<std::uint64_t> with_less_space_than(std::uint64_t bytes) const;

  // -- what became of the picks
  /// A request was sent to the member.
  void begin(std::uint64_t id);
  /// A request that was begun has ended.
  void finish(std::uint64_t id, const spi::outcome& result, spi::timestamp now);
  /// A request that was begun has ended, and its outcome says nothing about the member: the caller
  /// gave it up, or the member was busy.
  void cancel(std::uint64_t id);

  // -- probes
  /// Whom the balancer wants to be probed, at most `probes_max` members; to be asked after a pick
  /// by owners that can probe.
  std::vector<std::uint64_t> wanted_probes(spi::timestamp now);
  void on_probe(std::uint64_t id, const spi::probe_result& result, spi::timestamp now);
  static constexpr std::size_t probes_max = 16;

  // -- views
  std::size_t size() const { return members_.size(); }
  const std::string& name() const { return name_; }
  bool contains(std::uint64_t id) const { return slots_.contains(id); }
  /// A member that is available to its owner, neither taken out nor full.
  bool is_usable(std::uint64_t id) const;
  bool is_ejected(std::uint64_t id) const;
  /// Moving average of the time that successful requests took, in microseconds; 0: not known.
  float latency(std::uint64_t id) const;
  std::size_t ejected() const { return outliers_.ejected(); } ///< members taken out now
  std::uint32_t in_flight(std::uint64_t id) const;
  /// Errors of the plugin so far.
  std::uint64_t plugin_errors() const { return plugin_errors_; }

 private:
  std::optional<spi::slot> slot_of(std::uint64_t id) const;
  bool is_same_list(const std::vector<pool_member>& members) const;
  status replace_list(std::vector<pool_member> members, spi::timestamp now);
  void forget_all();
  bool is_local(spi::slot who) const;
  void refresh(spi::slot who);
  void pass_time(spi::timestamp& now);

  // Picks. `shown`: which members the balancer is to take for available.
  spi::member_facts facts(std::span<const std::uint8_t> shown) const;
  bool prefers_local() const;
  /// Which members to show as available: in turn, until there are enough picks.
  using masks = std::array<std::span<const std::uint8_t>, 3>;
  masks all_but(id_span excluded);
  masks only(id_span among);
  masks in_order(std::span<const std::uint8_t> local, std::span<const std::uint8_t> all,
                 std::span<const std::uint8_t> ejected) const;
  result<std::vector<std::uint64_t>> pick_of(const masks& shown, std::uint64_t key,
                                             std::size_t count, spi::timestamp now);
  result<spi::slot> pick_slot(std::uint64_t key, spi::timestamp now,
                              std::span<const std::uint8_t> shown);
  status add_picks(std::uint64_t key, spi::timestamp now, std::span<const std::uint8_t> shown,
                   std::size_t count);
  bool is_ready(spi::slot who, spi::timestamp now);
  status check_pick(spi::slot picked, std::span<const std::uint8_t> shown);
  error plugin_error(const std::string& what);
  error current_exception_as_error();

  template <class Call>
  status guard(Call call) {
    try {
      call();
      return {};
    } catch (...) {
      return tl::unexpected{current_exception_as_error()};
    }
  }

  std::shared_ptr<spi::balancer> balancer_;
  std::string name_;
  pool_options options_;
  spi::random_source random_;
  outlier_detector outliers_;
  spi::timestamp last_now_{0};
  std::uint64_t plugin_errors_ = 0;
  bool was_filled_ = false; ///< members that join from now on start slowly

  // By slot.
  std::vector<pool_member> members_;
  std::vector<spi::timestamp> started_; ///< when a slow start began; max: long ago
  std::vector<std::uint8_t> available_;
  std::vector<std::uint8_t> local_available_; ///< in the domain of the pool's owner
  std::vector<std::uint8_t> full_;
  std::vector<std::uint8_t> full_only_;    ///< would be available if it were not full
  std::vector<std::uint8_t> ejected_only_; ///< would be available if it were not ejected
  std::vector<std::uint32_t> domain_;
  std::vector<std::uint32_t> in_flight_;
  std::vector<std::uint32_t> reported_in_flight_;
  std::vector<float> latency_;
  std::vector<std::uint64_t> free_bytes_;

  std::unordered_map<std::uint64_t, spi::slot> slots_;
  std::size_t local_members_ = 0;
  std::size_t local_usable_ = 0;
  std::size_t full_only_members_ = 0;

  // Of the pick under way; kept for their memory.
  std::vector<std::uint8_t> mask_;
  std::vector<std::uint8_t> local_mask_;
  std::vector<std::uint8_t> ejected_mask_;
  std::vector<spi::slot> tried_;
  std::vector<spi::slot> picks_;
  std::vector<spi::slot> late_; ///< picks of members that start slowly and aren't ready
  std::vector<spi::slot> fresh_;
};

} // namespace atl
