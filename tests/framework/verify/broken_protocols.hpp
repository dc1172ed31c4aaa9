#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

/// Protocols that look right and aren't: Raft, Multi-Paxos and two-phase commit with one mistake
/// each, of those that real implementations have made.
namespace broken_protocols {

struct specimen {
  std::string_view name;
  std::string_view mistake;
  atl::spi::descriptor plugin;
  std::uint64_t seeds = 0; ///< the kit must find it within so many
  /// By this property of its, and say this of it: what the mistake leads to, and nothing else.
  std::string_view property;
  std::string_view detail;
};

std::vector<specimen> of_raft();
std::vector<specimen> of_paxos();
std::vector<specimen> of_two_phase_commit();
/// Rafts that are wrong only with certain options, sizes, commands or ages.
std::vector<specimen> in_corners();

/// A plugin like this one that makes `Flawed`.
template <class Flawed>
atl::spi::descriptor like(atl::spi::descriptor right) {
  right.create.consensus = [](const atl::spi::consensus_setup& setup) -> atl::spi::consensus* {
    return new Flawed{setup};
  };
  return right;
}

} // namespace broken_protocols
