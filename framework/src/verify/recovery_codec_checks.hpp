#pragma once

#include "recovery_properties.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// Checks of `encode`, `decode` and the sizes of fragments, beyond one call of one object.
namespace atl::verify::codec {

using properties::finding;
using scheme_maker = std::function<std::unique_ptr<spi::recovery>()>;

/// Pseudo-random bytes without repetitions, generated fast.
std::string large_chunk(spi::random_source& random, std::size_t size);

/// Fragments, reads, verdicts and plans of schemes that `make` makes, as text: the same in each
/// process.
std::string work_as_text(const scheme_maker& make, std::uint64_t first, std::uint64_t seeds);

/// Two calls of `encode` give the same fragments: of one object with other work in between, and of
/// two objects. Fragments of different calls decode together.
finding encodes_alike(const scheme_maker& make, std::uint64_t seed);

/// `fragment_size` of any size agrees with `encode` where that is tried, never reports fewer bytes
/// than the chunk needs, and is right for chunks of more than 4 GiB too.
finding sizes_are_right(const spi::recovery& scheme, std::uint64_t seed);

/// Chunks of several MiB, and of odd sizes near them, decode from a minimal set of fragments and
/// from all fragments.
finding handles_large_chunks(const spi::recovery& scheme, std::uint64_t seed);

/// Several threads that use one object at once get the same results as one thread.
finding serves_several_threads(const spi::recovery& scheme, std::uint64_t seed);

} // namespace atl::verify::codec
