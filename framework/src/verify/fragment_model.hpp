#pragma once

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace atl::properties {

/// The losses of fragments that a scheme survives, computed once from `enough`. Immutable and
/// thread-safe. Keeps no reference to the scheme.
class loss_tolerance {
 public:
  /// All sets are tried for schemes of up to this many fragments, and a sample for larger ones.
  static constexpr std::uint32_t all_sets_max = 16;

  explicit loss_tolerance(const spi::recovery& scheme);

  /// How many arbitrary fragments can be lost before a chunk is not decodable, when `copies[i]`
  /// good copies of fragment `i` exist. None for a chunk that is not decodable, and for a large
  /// scheme whose tolerance does not depend on the number of losses alone.
  std::optional<std::uint32_t> spare(const std::vector<std::uint32_t>& copies) const;

 private:
  std::uint32_t total_;
  /// The number of different fragments from which a chunk is decodable. None: it depends on which
  /// fragments they are.
  std::optional<std::uint32_t> threshold_;
  /// Maximal sets of fragments, as bits, that are not enough. Used when there is no threshold.
  std::vector<std::uint32_t> largest_failures_;
};

/// A model of a cluster without bytes: the fragments of some chunks on nodes, and the effects of
/// repair steps. Nodes are numbers; a new fragment goes to an unused node. The scheme must outlive
/// the model. Not thread-safe.
class fragment_model {
 public:
  using state = spi::fragment_state;
  using place = std::pair<std::uint32_t, std::uint64_t>; ///< fragment index and node
  using chunk_map = std::map<place, state>;

  explicit fragment_model(const spi::recovery& scheme);
  /// @param tolerance the scheme's tolerance, computed before and shared by many models.
  /// @param first_chunk the number of the first chunk, for reports whose numbers are not indexes.
  fragment_model(const spi::recovery& scheme, std::shared_ptr<const loss_tolerance> tolerance,
                 std::uint64_t first_chunk);

  /// Adds a chunk with all its fragments good, each on its own node. @returns its number.
  std::uint64_t add_healthy_chunk();

  std::map<place, state>& fragments(std::uint64_t chunk) { return chunks_[chunk - first_chunk_]; }

  /// Adds another copy of fragment `index`, as when a node returns after its fragments were
  /// rebuilt.
  void add_surplus(std::uint64_t chunk, std::uint32_t index, state is);

  std::vector<spi::chunk_report> reports() const;
  spi::chunk_report report(std::uint64_t chunk) const;

  /// Whether a chunk has this number.
  bool knows(std::uint64_t chunk) const { return chunk - first_chunk_ < chunks_.size(); }

  bool decodable(std::uint64_t chunk) const { return decodable(fragments(chunk)); }

  /// How many arbitrary good fragments the chunk can lose and stay decodable. None when that is
  /// unknown (`loss_tolerance::spare`); 0 for a chunk that is not decodable.
  std::optional<std::uint32_t> spare(std::uint64_t chunk) const;

  /// Number of good copies of each fragment.
  std::vector<std::uint32_t> good_copies(std::uint64_t chunk) const;

  /// Applies a repair step. @returns why it is impossible or would lose data; none: applied.
  std::optional<std::string> apply(const spi::repair_step& step);

 private:
  const chunk_map& fragments(std::uint64_t chunk) const { return chunks_[chunk - first_chunk_]; }
  bool decodable(const chunk_map& chunk) const;
  std::optional<std::string> copy(chunk_map& chunk, const spi::repair_step& step);
  std::optional<std::string> rebuild(chunk_map& chunk, const spi::repair_step& step);
  std::optional<std::string> add(chunk_map& chunk, std::uint32_t index);
  std::optional<std::string> drop(chunk_map& chunk, const spi::repair_step& step);

  const spi::recovery& scheme_;
  std::shared_ptr<const loss_tolerance> tolerance_;
  std::uint64_t first_chunk_;
  std::uint32_t total_;
  std::vector<chunk_map> chunks_;
  std::uint64_t next_node_ = 1;
};

} // namespace atl::properties
