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

/// Which losses of fragments a scheme survives, worked out once from what `enough` says. Immutable,
/// so several threads may use one object. Keeps no reference to the scheme.
class loss_tolerance {
 public:
  /// Of schemes of up to so many fragments all sets are looked at, of others a sample.
  static constexpr std::uint32_t all_sets_max = 12;

  explicit loss_tolerance(const spi::recovery& scheme);

  /// How many fragments can be lost, whichever they are, before a chunk can't be decoded, when
  /// `copies[i]` good copies of fragment `i` are there. None for a chunk that can't be decoded, and
  /// for a scheme of many fragments whose losses don't go by their number alone.
  std::optional<std::uint32_t> spare(const std::vector<std::uint32_t>& copies) const;

 private:
  std::uint32_t total_;
  /// From so many different fragments on a chunk can be decoded. None: it depends on which they
  /// are.
  std::optional<std::uint32_t> threshold_;
  /// Sets of fragments, as bits, that aren't enough and would be with any further one. Used when
  /// there is no threshold.
  std::vector<std::uint32_t> largest_failures_;
};

/// The fragments of some chunks on nodes, as a host would find them, and what a repair does to
/// them: a cluster without bytes. Nodes are numbers; a new fragment goes to a node that was never
/// used. The scheme must outlive the model.
class fragment_model {
 public:
  using state = spi::fragment_state;
  using place = std::pair<std::uint32_t, std::uint64_t>; ///< fragment and node
  using chunk_map = std::map<place, state>;

  explicit fragment_model(const spi::recovery& scheme);
  /// @param tolerance that of the scheme, worked out before: models come cheaper so.
  /// @param first_chunk the number of the first chunk, for reports in which a number is no index.
  fragment_model(const spi::recovery& scheme, std::shared_ptr<const loss_tolerance> tolerance,
                 std::uint64_t first_chunk);

  /// A chunk with all its fragments in order, each on a node of its own; its number.
  std::uint64_t add_healthy_chunk();

  std::map<place, state>& fragments(std::uint64_t chunk) { return chunks_[chunk - first_chunk_]; }

  /// A further copy of fragment `index`, as when a node returns after its work was taken over.
  void add_surplus(std::uint64_t chunk, std::uint32_t index, state is);

  std::vector<spi::chunk_report> reports() const;
  spi::chunk_report report(std::uint64_t chunk) const;

  /// Whether this number is one of a chunk.
  bool knows(std::uint64_t chunk) const { return chunk - first_chunk_ < chunks_.size(); }

  bool decodable(std::uint64_t chunk) const { return decodable(fragments(chunk)); }

  /// How many more fragments in order, whichever they are, the chunk can do without. None when that
  /// can't be told (`loss_tolerance::spare`); 0 for a chunk that can't be decoded.
  std::optional<std::uint32_t> spare(std::uint64_t chunk) const;

  /// How many copies of each fragment are in order.
  std::vector<std::uint32_t> good_copies(std::uint64_t chunk) const;

  /// Carries a step out; or says why no host could, or that it would have lost data.
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
