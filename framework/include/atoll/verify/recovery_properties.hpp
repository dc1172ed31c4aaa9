#pragma once

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/verify/fragment_model.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What any recovery scheme must hold to, as checks that know nothing of a test framework: each
/// answers with nothing when the scheme is right, or with a sentence that says what it did wrong.
namespace atl::properties {

using finding = std::optional<std::string>;

std::string random_bytes(spi::random_source& chance, std::size_t size);

/// The numbers of the layout fit together.
finding has_a_layout(const spi::recovery& scheme);

/// `enough` never says no to more than it said yes to, says yes to some set of `needed` fragments
/// and to none that is smaller. All sets are tried up to `loss_tolerance::all_sets_max` fragments,
/// and a sample beyond.
finding counts_rightly(const spi::recovery& scheme, spi::random_source& chance);

/// `encode` makes as many fragments as the layout says, each of the size that `fragment_size` says,
/// inside the chunk or the scratch space; if identical, each is the chunk. Whatever the scratch
/// space held before, the fragments are the same.
finding encodes_as_it_says(const spi::recovery& scheme, std::string_view chunk);

/// Every set of fragments decodes or not as `enough` says, and to the chunk; every loss of up to
/// `survives` of them decodes. If there are more than `sets_max` sets, a sample is tried.
finding decodes_what_it_can(const spi::recovery& scheme, std::string_view chunk,
                            std::uint32_t survives, spi::random_source& chance,
                            std::uint64_t sets_max = 4096);

/// Fragments of other lengths than `fragment_size` says are never decoded: `decode` gives none, or
/// the chunk from what else is there. Nor are fragments for a chunk of another size.
finding refuses_wrong_lengths(const spi::recovery& scheme, std::string_view chunk,
                              spi::random_source& chance);

/// Chunks in every state that a host may find: fragments missing, damaged, out of reach, forgotten,
/// and copies too many.
void damage(fragment_model& model, const spi::recovery& scheme, spi::random_source& chance,
            std::size_t chunks);

/// The verdict on each chunk is what counting by hand gives.
finding judges_rightly(const spi::recovery& scheme, const fragment_model& model);

/// Of the steps that make fragments, each is for a chunk that is in no less danger, when it is its
/// turn, than the next ones'; and the first is for one of the most endangered.
finding plans_by_danger(const spi::recovery& scheme, fragment_model model);

/// Carried out again and again, the plan makes every chunk healthy that isn't lost, within
/// `rounds_max` plans, with one good copy of each fragment; it never loses a chunk that wasn't
/// lost, never touches one that was, makes no fragment that is there, and then is empty.
finding plans_until_healthy(const spi::recovery& scheme, fragment_model model,
                            std::size_t rounds_max = 40);

/// Each step on its own loses nothing either: a host may skip those that fail, in any way.
finding plans_without_risk(const spi::recovery& scheme, fragment_model model,
                           spi::random_source& chance);

} // namespace atl::properties
