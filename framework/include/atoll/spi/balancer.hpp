#pragma once

#include <atoll/spi/plugin.hpp>
#include <atoll/spi/random.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace atl::spi {

/// What is known of one node that could be picked.
struct candidate {
  std::uint64_t id = 0;        ///< the same for the same node as long as it lives
  std::string domain;          ///< failure domain (rack, zone); empty: a domain of its own
  double weight = 1;           ///< ≥ 0; a share, in relation to the others'; 0: nothing, please
  std::uint32_t in_flight = 0; ///< requests sent to it and not yet answered
  std::chrono::microseconds latency{0}; ///< moving average; 0: not known
  std::uint64_t free_bytes = 0;         ///< free space
  bool healthy = true;                  ///< known dead or full: never picked
};

/// What came of a pick.
struct outcome {
  bool ok = true;
  std::chrono::microseconds latency{0};
};

struct balancer_setup {
  const atl::spi::options& options;
  std::uint64_t seed = 0; ///< same seed, same picks
};

/// Picks among candidates. Not thread-safe: a host calls one object from one thread at a time.
///
/// What it answers depends on its options, its seed and the calls before, and on nothing else: two
/// objects share nothing. Memory is bounded, however many keys, candidates and outcomes come.
/// `pick` takes no longer than in proportion to n log n for n candidates. The order of the list
/// means nothing: the same node may stand elsewhere in the next one.
///
/// Claims that a verifier knows, which hold with every option:
/// `shares` = `uniform` | `weighted`: over some thousand picks each healthy candidate gets an equal
/// share, or one in proportion to its weight, no farther from that than draws by chance would be.
/// After a change of candidates, weights or health it does so again within 100 picks for each
/// candidate; after outcomes that were failures, within 1,000 picks for each candidate whose
/// outcomes are good. Where several picks of one call can't be in proportion, for each is another
/// candidate, the shares are as near as they can be, or those of draws one after the other.
/// `spread` = `domains`: `pick_many` keeps to different failure domains as it says.
class balancer {
 public:
  balancer() = default;
  balancer(const balancer&) = delete;
  balancer& operator=(const balancer&) = delete;
  virtual ~balancer() = default;

  /// The index into `candidates` of the one to use; none when no candidate is healthy.
  /// @param key what the request is about, for strategies that keep a key with a node: as long as
  ///        the candidates stay as they are and no outcome comes, the same key is answered alike.
  ///        Others ignore it.
  virtual std::optional<std::size_t> pick(std::span<const candidate> candidates,
                                          std::uint64_t key) = 0;

  /// Up to `count` different candidates in order of preference, in different failure domains as
  /// long as there are any; then further ones in domains used already. Fewer when there are fewer
  /// healthy candidates.
  ///
  /// The default picks again and again among those that are left. That suits strategies that draw;
  /// one that takes turns may have to deal several picks out itself to keep its shares.
  virtual std::vector<std::size_t> pick_many(std::span<const candidate> candidates,
                                             std::size_t count, std::uint64_t key) {
    std::vector<candidate> left(candidates.begin(), candidates.end());
    std::vector<bool> taken(left.size());
    std::vector<std::size_t> picks;
    while (picks.size() < count) {
      auto picked = pick(left, key);
      if (!picked) {
        // Every domain is used, or every candidate: open the used domains again.
        bool reopened = false;
        for (std::size_t i = 0; i < left.size(); ++i)
          if (!taken[i] && candidates[i].healthy && !left[i].healthy)
            left[i].healthy = reopened = true;
        if (!reopened)
          break;
        continue;
      }
      picks.push_back(*picked);
      taken[*picked] = true;
      left[*picked].healthy = false;
      auto& domain = candidates[*picked].domain;
      for (auto& other : left)
        if (!domain.empty() && other.domain == domain)
          other.healthy = false;
    }
    return picks;
  }

  /// Tells what came of a request to candidate `id`. Strategies that don't learn ignore it.
  virtual void observe(std::uint64_t id, const outcome& result) {
    (void)id;
    (void)result;
  }
};

} // namespace atl::spi
