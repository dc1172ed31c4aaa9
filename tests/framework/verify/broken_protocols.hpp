#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

/// Broken protocols that look right: Raft, Multi-Paxos and two-phase commit with one mistake
/// each, as real implementations have made them.
namespace broken_protocols {

struct specimen {
  std::string_view name;
  std::string_view mistake;
  atl::spi::descriptor plugin;
  std::uint64_t seeds = 0; ///< the kit must find the mistake within so many seeds
  /// The property that must find the mistake, and the consequence that it must report.
  std::string_view property;
  std::string_view detail;
};

std::vector<specimen> of_raft();
std::vector<specimen> of_paxos();
std::vector<specimen> of_two_phase_commit();
/// Variants of Raft that are wrong only with certain options, sizes, commands or ages.
std::vector<specimen> in_corners();

/// A copy of a plugin that creates `Flawed`.
template <class Flawed>
atl::spi::descriptor like(atl::spi::descriptor right) {
  right.create.consensus = [](const atl::spi::consensus_setup& setup) -> atl::spi::consensus* {
    return new Flawed{setup};
  };
  return right;
}

template <class Flawed>
specimen specimen_of(std::string_view name, std::string_view mistake, std::uint64_t seeds,
                     std::string_view property, std::string_view detail) {
  return {name, mistake, like<Flawed>(Flawed::correct()), seeds, property, detail};
}

} // namespace broken_protocols
