#pragma once

#include <atoll/spi/consensus.hpp>
#include <atoll/spi/options.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::leader_based {

/// A larger command is refused; hosts propose none above `spi::command_bytes_max`.
inline constexpr std::size_t entry_bytes_max = std::size_t{16} << 20;

/// The options of every protocol with a leader, checked. `option_specs` says what each means.
struct leader_options {
  spi::timestamp heartbeat{};
  spi::timestamp election_timeout{};
  spi::timestamp read_timeout{};
  std::size_t batch_bytes = 0;
  std::size_t window_bytes = 0;
  std::size_t keep_bytes = 0;
  std::size_t log_bytes = 0;
  std::uint64_t in_flight_max = 0;
  std::uint64_t keep_entries = 0;
};

/// @throws std::invalid_argument with a sentence when options contradict each other.
leader_options read_leader_options(const spi::options& options);

/// Up to where a log should be cut, so that a replica that was away needs no snapshot; the log's
/// base or less when it needn't be cut now.
/// @param bytes of the entries from `base` to `last` @param applied durably, by the state machine
/// @param limit the log must not be cut after this index
spi::log_index cut_goal(const leader_options& options, spi::log_index base, spi::log_index last,
                        std::size_t bytes, spi::log_index applied, spi::log_index limit);

/// What the descriptor of a plugin says of these options. None of them must agree within a group: a
/// message carries what its receiver needs, and a receiver takes batches of any size. A member
/// whose `election_timeout` is shorter than another member's `heartbeat` deposes that leader again
/// and again, which costs availability and no data.
namespace option_specs {

using spi::option_scope;
using spi::option_spec;
using spi::option_type;

inline constexpr option_spec heartbeat{
    "heartbeat",
    option_type::duration,
    "100ms",
    "1ms",
    "1m",
    "How often the leader sends heartbeats, and repeats messages that may be lost.",
    option_scope::member};
inline constexpr option_spec election_timeout{
    "election_timeout",
    option_type::duration,
    "1s",
    "2ms",
    "10m",
    "Silence of the leader after which a replica campaigns; up to as much again is added at "
    "random.",
    option_scope::member};
inline constexpr option_spec read_timeout{
    "read_timeout",
    option_type::duration,
    "2s",
    "1ms",
    "10m",
    "How long a read waits until a quorum confirms the leader, before the read is refused.",
    option_scope::member};
inline constexpr option_spec batch_bytes{
    "batch_bytes",
    option_type::size,
    "1MiB",
    "1KiB",
    "4MiB",
    "About as many bytes go into one message; a larger entry goes alone.",
    option_scope::member};
inline constexpr option_spec window_bytes{
    "window_bytes",
    option_type::size,
    "8MiB",
    "1KiB",
    "64MiB",
    "Bytes in flight to one replica before the leader waits for responses.",
    option_scope::member};
inline constexpr option_spec in_flight_max{
    "max_in_flight",
    option_type::integer,
    "4096",
    "1",
    "65536",
    "Entries that are not yet committed; more proposals are refused as busy.",
    option_scope::member};
inline constexpr option_spec keep_entries{
    "keep_entries",
    option_type::integer,
    "10000",
    "0",
    "10000000",
    "Applied entries that are kept so that a replica can catch up without a snapshot.",
    option_scope::member};
inline constexpr option_spec keep_bytes{
    "keep_bytes",
    option_type::size,
    "64MiB",
    "0",
    "16GiB",
    "Applied entries beyond this size are cut even if keep_entries would keep them.",
    option_scope::member};
inline constexpr option_spec log_bytes{
    "log_bytes",
    option_type::size,
    "256MiB",
    "1MiB",
    "64GiB",
    "A log of this size takes no more proposals until this replica has applied what is in it.",
    option_scope::member};

} // namespace option_specs

} // namespace atl::leader_based
