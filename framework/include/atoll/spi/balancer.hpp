#pragma once

#include <atoll/spi/plugin.hpp>
#include <atoll/spi/random.hpp>
#include <atoll/spi/timestamp.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// The interface of a balancing strategy: which member of a pool gets a request, or which members
/// get the fragments of a chunk. A strategy only decides. It is told the members when they change,
/// reads what the host knows of each member, and learns what came of each pick; it has no clock, no
/// thread and no connection, so that a simulator can run the same library as a cluster.
namespace atl::spi {

/// The place of a member in the list of the last `update`, from 0.
using slot = std::uint32_t;

/// No member: none may be picked.
inline constexpr slot no_slot = 0xffff'ffff;

/// The most members that a host gives to one balancer.
inline constexpr std::size_t members_max = 1'000'000;

/// What seldom changes of a member: a strategy builds its tables from this, in `update`.
struct member {
  std::uint64_t id = 0;     ///< the same for the same member in each list, and for no other
  std::uint32_t domain = 0; ///< failure domain (rack, zone): equal numbers may fail together
  /// ≥ 0 and finite; a share, in relation to the others'. 0: nothing, except from a strategy that
  /// claims equal shares, which ignores weights.
  double weight = 1;
  std::uint64_t capacity = 0; ///< bytes that it can hold in all; 0: not known, or not a store
};

/// What changes all the time: arrays of the host with an element for each member, by slot. A
/// strategy reads only those that it needs. All spans are as long as the list of the last `update`;
/// they are valid during the call, and their contents may differ at the next one.
struct member_facts {
  /// 0: down, full, or taken out by the host for its failures; never to be picked.
  std::span<const std::uint8_t> available;
  std::span<const std::uint32_t> domain; ///< as in `update`
  /// Requests that this host has sent to the member and that have no answer yet.
  std::span<const std::uint32_t> in_flight;
  /// Requests of all hosts together that the member was working on when it said so last; 0: none,
  /// or not known.
  std::span<const std::uint32_t> reported_in_flight;
  /// Moving average of the time that successful requests took, in microseconds; 0: not known.
  std::span<const float> latency;
  std::span<const std::uint64_t> free_bytes; ///< free space; 0: none, or not known
};

struct pick_request {
  /// What the request is about, for strategies that keep a key with a member; others ignore it.
  std::uint64_t key = 0;
  timestamp now{0}; ///< never less than in an earlier call
  /// Members that this request must not go to: they were tried, or can't take it. In any order.
  std::span<const slot> tried{};
};

/// What came of a request.
struct outcome {
  bool ok = true;                       ///< the member did what it was asked to do
  std::chrono::microseconds latency{0}; ///< from sending the request to its answer
};

/// What a member answered to a probe.
struct probe_result {
  std::uint32_t in_flight = 0; ///< requests of all hosts that it is working on
  /// About how long a request takes there at this load, as the member measured; 0: not known.
  std::chrono::microseconds latency{0};
};

struct balancer_setup {
  const atl::spi::options& options;
  std::uint64_t seed = 0; ///< same seed, same picks
};

/// Picks among the members of a pool.
///
/// Threads: a host makes all calls of one object one after the other, from any thread; two objects
/// share nothing. No call waits for anything. Order: `update` first; then any call, `update` again
/// whenever the members change.
///
/// What a balancer answers depends on its options, its seed and the calls before, and on nothing
/// else: not on addresses, clocks, random devices, or static variables.
///
/// Costs: `update` may take time and memory in proportion to n log n for n members, or to n and the
/// size of a table that an option bounds. `pick` and `pick_many` allocate nothing after the first
/// calls; `pick` takes time in proportion to n at most. Memory is bounded by members and options,
/// not by the number of keys, picks or outcomes.
///
/// Exceptions: a host takes one out of any call as a failure of that call: the request gets an
/// error that names the plugin, and the balancer is called again for the next request.
///
/// A host checks each pick. A pick that isn't a slot, isn't available or was tried counts as an
/// error of the plugin, not as a pick.
///
/// Claims that a verifier knows, which hold with every option:
/// `shares` = `uniform` | `weighted`: over many picks each available member gets an equal share, or
/// one in proportion to its weight, no farther from that than draws by chance would be, whatever
/// the other facts say. After a change of members, weights or availability it does so again within
/// 100 picks for each member. Where several picks of one call can't be in proportion, because each
/// is another member, the shares are as near as they can be, or those of draws one after the other.
/// `smooth` = `yes`: besides, at any time each member has its share of the picks since the last
/// change, give or take one or two.
/// `spread` = `domains`: `pick_many` keeps to different failure domains as it says.
/// `keys` = `kept`: as long as members and availability stay, a key gets the same member.
/// `keys` = `minimal`: besides, a member that joins or leaves moves about its share of the keys,
/// and a key moves only from the one that left or to the one that joined; `keys` = `few`: it moves
/// at most twice that share. With a `load_bound`, `keys` holds while no member is at its bound.
/// `load_bound` = the name of a real option c (0: no bound): a pick never goes to a member whose
/// requests in flight would exceed c times the mean, rounded up. The mean, with the new request, is
/// that of the available members with a weight above 0; the bound holds for them alone.
/// `max_load` = the name of an integer option d: of n requests that stay at n members of equal
/// weight no member has more than ln ln n ÷ ln d + 3 (Azar, Broder, Karlin, Upfal 1999).
/// `avoids` = `slow` | `failing` | `slow,failing`: a member that answers ten times slower than the
/// others (or whose requests fail) soon gets less than half of an equal share.
class balancer {
 public:
  balancer() = default;
  balancer(const balancer&) = delete;
  balancer& operator=(const balancer&) = delete;
  virtual ~balancer() = default;

  /// Replaces the list of members: from now on slot i is `members[i]`. What a strategy has learnt
  /// of a member it keeps by the member's id. The order of the list means nothing. The list may be
  /// empty, ids occur once in it, and it has at most `members_max` entries.
  virtual void update(std::span<const member> members) = 0;

  /// The member to use: available and not tried. `no_slot` if no member may be picked; a strategy
  /// that goes by weight may answer that as well if all members left have a weight of 0.
  virtual slot pick(const pick_request& request, const member_facts& facts) = 0;

  /// Fills `picks` with different members in order of preference, in different failure domains as
  /// long as there are any; then with further members of domains used already.
  /// @param picks has at least one place
  /// @returns how many places were filled; fewer than there are when fewer members may be picked.
  ///
  /// The default picks again and again among the members left, which suits most strategies. One
  /// that takes turns may have to deal several picks out itself to keep its shares.
  virtual std::size_t pick_many(const pick_request& request, const member_facts& facts,
                                std::span<slot> picks);

  /// Tells what came of a request that went to `who`, whether or not this balancer picked it.
  virtual void observe(slot who, const outcome& result, timestamp now) {
    (void)who;
    (void)result;
    (void)now;
  }

  /// Which members the host shall probe now. Hosts ask after each pick. A host that can't probe
  /// never asks; then no result comes.
  /// @param whom has room for the probes that the host is willing to send
  /// @returns how many places of `whom` were filled with slots
  virtual std::size_t wanted_probes(timestamp now, const member_facts& facts,
                                    std::span<slot> whom) {
    (void)now;
    (void)facts;
    (void)whom;
    return 0;
  }

  /// A probe was answered. Probes that get no answer are told by nothing.
  virtual void on_probe(slot who, const probe_result& result, timestamp now) {
    (void)who;
    (void)result;
    (void)now;
  }

 private:
  std::vector<std::uint8_t> left_; ///< which members `pick_many` shows as available
};

inline std::size_t balancer::pick_many(const pick_request& request, const member_facts& facts,
                                       std::span<slot> picks) {
  auto members = facts.available.size();
  auto shown = facts;
  std::size_t picked = 0;
  auto domains_closed = false; // since all were open
  // Shows all members again that were not picked. @returns whether there are any.
  auto open_all_domains = [&] {
    left_.assign(facts.available.begin(), facts.available.end());
    for (auto who : request.tried)
      if (who < members)
        left_[who] = 0;
    for (auto who : picks.first(picked))
      left_[who] = 0;
    shown.available = left_;
    return std::any_of(left_.begin(), left_.end(), [](auto available) { return available != 0; });
  };
  for (auto any_left = open_all_domains(); any_left && picked < picks.size();) {
    auto who = pick(request, shown);
    if (who == no_slot) {
      if (!domains_closed)
        break;
      domains_closed = false;
      any_left = open_all_domains();
      continue;
    }
    picks[picked++] = who;
    if (who >= members || left_[who] == 0)
      break; // the host finds the mistake
    auto domain = facts.domain[who];
    for (std::size_t i = 0; i < members; ++i)
      if (facts.domain[i] == domain)
        left_[i] = 0;
    domains_closed = true;
  }
  return picked;
}

} // namespace atl::spi
