#include "../common/spread_balancer.hpp"
#include "../common/takes_requests.hpp"
#include "load_window.hpp"
#include "probe_pool.hpp"

#include <atoll/spi/balancer.hpp>

#include <cmath>
#include <optional>

namespace {

using namespace atl::spi;
using atl::balancers::draw_uniform;
using atl::balancers::pooled_probe;

/// Chooses among the results of probes by the hot-cold lexicographic rule: a member with more
/// requests in flight than most is hot; of the cold ones the one with the least latency is picked,
/// and if all are hot the one with the fewest requests in flight.
class prequal final : public atl::balancers::spread_balancer<prequal> {
 public:
  explicit prequal(const balancer_setup& setup)
      : probes_per_pick_{setup.options.real("probes_per_pick")},
        removals_per_pick_{setup.options.real("removals_per_pick")},
        hot_quantile_{setup.options.real("hot_quantile")}, probe_age_max_{setup.options.integer(
                                                               "probe_age_max")},
        pool_size_max_{static_cast<std::size_t>(setup.options.integer("pool_size"))},
        pool_{pool_size_max_}, random_{setup.seed} {}

  void update_members(std::span<const member> members) {
    takes_requests_.update(members);
    ids_.clear();
    for (auto& each : members)
      ids_.push_back(each.id);
    // More would be results that are too old by the time that they are used.
    auto part = std::max(members.size() / 4, pool_size_min);
    pool_size_ = std::min(part, pool_size_max_);
    pool_.update(members, pool_size_);
  }

  template <class Predicate>
  slot pick_among(const pick_request& request, const member_facts&, Predicate&& may_pick) {
    pool_.remove_received_before(request.now - probe_age_max_);
    probes_due_ = std::min(probes_due_ + probes_per_pick_, probes_due_max);
    auto may = [&](slot who) { return takes_requests_(who) && may_pick(who); };
    auto hot_above = loads_.quantile(hot_quantile_);
    auto chosen = best_probe(may, hot_above);
    auto who = chosen ? pool_.probes()[*chosen].who
                      : draw_uniform(random_, takes_requests_.members(), may);
    if (chosen)
      pool_.use(*chosen);
    remove_some(hot_above);
    return who;
  }

  std::size_t wanted_probes(timestamp, const member_facts& facts, std::span<slot> whom) override {
    std::size_t wanted = 0;
    auto is_new = [&](slot who) {
      auto chosen = whom.first(wanted);
      return takes_requests_(who) && facts.available[who] != 0 &&
             std::find(chosen.begin(), chosen.end(), who) == chosen.end();
    };
    for (; wanted < whom.size() && probes_due_ >= 1; ++wanted, --probes_due_) {
      auto who = draw_uniform(random_, takes_requests_.members(), is_new);
      if (who == no_slot)
        break;
      whom[wanted] = who;
    }
    return wanted;
  }

  void on_probe(slot who, const probe_result& result, timestamp now) override {
    loads_.add(result.in_flight);
    pool_.add({ids_[who], who, result.in_flight, result.latency, now, uses_of_probe()});
  }

 private:
  /// What a host that doesn't ask for probes can ask for later.
  static constexpr double probes_due_max = 32;

  static constexpr std::size_t pool_size_min = 4;

  /// Fewer probes are no choice; the pick is random.
  static constexpr std::size_t probes_min = 2;

  static constexpr double uses_max = 64;

  /// The pool's best member for which `may(slot)` holds; none if there are too few of them.
  template <class Predicate>
  std::optional<std::size_t> best_probe(Predicate&& may, std::uint32_t hot_above) const {
    std::optional<std::size_t> best;
    std::size_t usable = 0;
    auto probes = pool_.probes();
    for (std::size_t i = 0; i < probes.size(); ++i)
      if (may(probes[i].who)) {
        ++usable;
        if (!best || is_better(probes[i], probes[*best], hot_above))
          best = i;
      }
    return usable < probes_min ? std::nullopt : best;
  }

  static bool is_better(const pooled_probe& a, const pooled_probe& b, std::uint32_t hot_above) {
    auto a_is_hot = a.in_flight > hot_above, b_is_hot = b.in_flight > hot_above;
    if (a_is_hot != b_is_hot)
      return b_is_hot;
    return a_is_hot ? a.in_flight < b.in_flight : a.latency < b.latency;
  }

  /// Removes probes as the option says, the worst and the oldest by turns, so that neither bad nor
  /// old ones pile up in the pool.
  void remove_some(std::uint32_t hot_above) {
    removals_due_ += removals_per_pick_;
    for (; removals_due_ >= 1; --removals_due_) {
      if (pool_.size() == 0)
        continue;
      remove_worst_next_ = !remove_worst_next_;
      pool_.remove(remove_worst_next_ ? worst_probe(hot_above) : 0);
    }
  }

  std::size_t worst_probe(std::uint32_t hot_above) const {
    std::size_t worst = 0;
    auto probes = pool_.probes();
    for (std::size_t i = 1; i < probes.size(); ++i)
      if (is_better(probes[worst], probes[i], hot_above))
        worst = i;
    return worst;
  }

  /// How often a probe is used, so that as many probes are used up as come in: the paper's
  /// (1 + δ) ÷ ((1 − m ÷ n) × probes − removals) with δ = 1, rounded up or down at random.
  std::uint32_t uses_of_probe() {
    auto share_known = static_cast<double>(pool_size_) / static_cast<double>(ids_.size());
    auto new_per_pick = (1 - share_known) * probes_per_pick_ - removals_per_pick_;
    auto uses = new_per_pick > 0 ? std::min(2 / new_per_pick, uses_max) : uses_max;
    auto whole = std::floor(uses);
    return static_cast<std::uint32_t>(std::max(1.0, whole + random_.chance(uses - whole)));
  }

  double probes_per_pick_;
  double removals_per_pick_;
  double hot_quantile_;
  std::chrono::microseconds probe_age_max_;
  std::size_t pool_size_max_;
  std::size_t pool_size_ = 0; ///< for the present number of members
  atl::balancers::probe_pool pool_;
  atl::balancers::load_window loads_;
  atl::balancers::takes_requests takes_requests_;
  std::vector<std::uint64_t> ids_; ///< by slot
  double probes_due_ = 0;
  double removals_due_ = 0;
  bool remove_worst_next_ = false;
  random_source random_;
};

constexpr claim claims[] = {{"spread", "domains"}};

constexpr option_spec declared[] = {
    {"probes_per_pick", option_type::real, "3", "0", "16", "Members to probe for each pick"},
    {"removals_per_pick", option_type::real, "1", "0", "16",
     "Probe results to drop for each pick, the worst and the oldest by turns"},
    {"pool_size", option_type::integer, "16", "2", "64", "Probe results to keep at most"},
    {"probe_age_max", option_type::duration, "1s", "1ms", "1h", "Older results are dropped"},
    {"hot_quantile", option_type::real, "0.84", "0", "1",
     "A member with more requests in flight than this share of the last results is hot"},
};

} // namespace

ATOLL_PLUGIN(balancer, prequal, 1, 0, 0){
    .summary = "The least latency among members that aren't hot, by asynchronous probes",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new prequal{setup}; },
};
