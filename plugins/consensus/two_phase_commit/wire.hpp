#pragma once

#include "entry_log.hpp"
#include "members.hpp"

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Messages between replicas. Decoders check every bound and allocate no more memory than the input
/// bytes can describe.
namespace atl::two_phase {

enum class message_type : std::uint8_t { heartbeat, prepare, vote, decide, fetch, entries };
inline constexpr message_type message_type_last = message_type::entries;

/// Prefix of every message.
struct header {
  message_type type = message_type::heartbeat;
  std::uint64_t group = 0;       ///< fingerprint of the initial voters
  std::uint64_t incarnation = 0; ///< the sender's incarnation
  std::uint64_t to_incarnation =
      0;                   ///< the receiver's incarnation as known to the sender; 0: unknown
  std::uint64_t epoch = 0; ///< the coordinator's epoch, or the one that a participant promised
};

struct heartbeat {
  bool coordinates = false; ///< the sender coordinates, or is taking over
  bool asks = false;        ///< requests a heartbeat in reply
  bool complete = false;
  spi::log_index decided = 0; ///< all entries up to this index are decided and known to the sender
  spi::log_index last = 0;    ///< the last index of which the sender holds a record
  spi::log_index applied = 0; ///< applied durably by the sender's state machine
  spi::log_index all_applied = 0;      ///< sent by the coordinator: applied durably by all members
  effective_membership group{};        ///< the newest decided membership known to the sender
  std::vector<spi::replica_id> lost{}; ///< declared lost by an operator; never come back
};

struct prepare_entry {
  spi::log_index index = 0;
  entry_kind kind = entry_kind::command;
  std::string_view command;
};

struct vote_entry {
  spi::log_index index = 0;
  bool yes = false;
  std::string_view reason;
};

struct decide_entry {
  spi::log_index index = 0;
  bool commit = false;
};

enum class snapshot_mode : std::uint8_t {
  never,     ///< the requester's state machine has applied what its log lacks
  if_needed, ///< when the log no longer holds `from`
  always,    ///< the requester's own log begins after `from`
};
inline constexpr snapshot_mode snapshot_mode_last = snapshot_mode::always;

struct fetch {
  std::uint64_t nonce = 0;
  spi::log_index from = 0;
  bool in_doubt = false; ///< also send entries that are prepared and not decided
  snapshot_mode snapshot = snapshot_mode::if_needed;
};

struct known_entry {
  spi::log_index index = 0;
  slot_state state = slot_state::empty;
  entry_kind kind = entry_kind::command;
  std::uint64_t epoch = 0;
  std::string_view command;
};

/// Reply to `fetch`.
struct entries {
  std::uint64_t nonce = 0;
  bool complete = false;
  bool snapshot = false; ///< the requested entries were cut from the log: a snapshot will be sent
  spi::log_index decided = 0;
  spi::log_index last = 0;
  spi::log_index next = 0; ///< the index from which to fetch next
  std::vector<known_entry> known;
};

/// @returns none when the bytes do not begin with a header of this protocol version.
std::optional<header> read_header(spi::reader& in);
void write_header(spi::writer& out, const header& head);

void encode(spi::writer& out, const heartbeat& body);
void encode(spi::writer& out, const fetch& body);
void encode(spi::writer& out, const entries& body);

/// Each reads to the end of the message. @returns false when the body is malformed.
bool decode(spi::reader& in, heartbeat& body);
bool decode(spi::reader& in, fetch& body);
bool decode(spi::reader& in, entries& body);
bool decode(spi::reader& in, std::vector<prepare_entry>& body);
bool decode(spi::reader& in, std::vector<vote_entry>& body);
bool decode(spi::reader& in, std::vector<decide_entry>& body);

/// The protocol's part of a snapshot.
struct snapshot_head {
  std::uint64_t group = 0;
  spi::log_index index = 0;
  effective_membership members; ///< membership effective at the index
};
std::string encode_snapshot_head(const snapshot_head& head);
bool decode_snapshot_head(std::string_view bytes, snapshot_head& out);

} // namespace atl::two_phase
