#pragma once

#include "fragment_model.hpp"

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Checks of any recovery scheme, independent of a test framework: each returns nothing when the
/// scheme is right, or a sentence that describes the error.
namespace atl::properties {

using finding = std::optional<std::string>;

std::string random_bytes(spi::random_source& random, std::size_t size);

/// The numbers of the layout are consistent.
finding has_a_layout(const spi::recovery& scheme);

/// `enough` is monotonic, accepts some set of `needed` fragments and no smaller set. All sets are
/// tried up to `loss_tolerance::all_sets_max` fragments, and a sample for larger schemes.
finding counts_rightly(const spi::recovery& scheme, spi::random_source& random);

/// `encode` makes the layout's number of fragments, each of `fragment_size` bytes, inside the chunk
/// or the scratch space; if identical, each equals the chunk. The result does not depend on the
/// initial content of the scratch space.
finding encodes_as_it_says(const spi::recovery& scheme, std::string_view chunk);

/// Every set of fragments decodes to the chunk exactly when `enough` accepts it; every loss of up
/// to `survives` fragments decodes. A sample is tried if there are more than `sets_max` sets.
finding decodes_what_it_can(const spi::recovery& scheme, std::string_view chunk,
                            std::uint32_t survives, spi::random_source& random,
                            std::uint64_t sets_max = 4096);

/// Fragments of wrong length are never decoded: `decode` returns none, or the chunk from the other
/// fragments. The same holds for fragments of a chunk of another size, unless enough of them are as
/// long as those of this one.
finding refuses_wrong_lengths(const spi::recovery& scheme, std::string_view chunk,
                              spi::random_source& random);

/// From the reads that it names, out of any fragments that are enough, it makes any range of the
/// chunk, and any part of each other fragment as `encode` makes it. Ranges and sources are drawn.
finding reads_parts(const spi::recovery& scheme, std::string_view chunk,
                    spi::random_source& random);

/// A failure domain may hold a fragment at least, and no more than may be lost.
finding has_sensible_domains(const spi::recovery& scheme);

/// If it encodes by stripes, the fragments are those that `encode` makes, for chunks of sizes
/// around those of cells and stripes.
finding encodes_by_stripes(const spi::recovery& scheme, spi::random_source& random);

/// Adds chunks in every state that a host may find: with fragments missing, damaged, unreachable,
/// forgotten, and surplus copies.
void damage(fragment_model& model, const spi::recovery& scheme, spi::random_source& random,
            std::size_t chunks);

/// The health of each chunk equals that of an independent count.
finding judges_rightly(const spi::recovery& scheme, const fragment_model& model);

/// Steps that make fragments are ordered by danger: the first is for one of the most endangered
/// chunks, and no step is for a chunk in less danger than the next step's at that moment.
finding plans_by_danger(const spi::recovery& scheme, fragment_model model);

/// Applied repeatedly, plans make every chunk healthy that is not lost, within `rounds_max` plans,
/// with one good copy of each fragment; they never lose another chunk, never touch a lost one, make
/// no fragment that exists, and finally are empty.
finding plans_until_healthy(const spi::recovery& scheme, fragment_model model,
                            std::size_t rounds_max = 40);

/// No single step loses data: a host may skip any steps that fail.
finding plans_without_risk(const spi::recovery& scheme, fragment_model model,
                           spi::random_source& random);

} // namespace atl::properties
