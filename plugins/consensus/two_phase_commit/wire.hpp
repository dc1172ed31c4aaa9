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

/// The messages between replicas. Decoding checks every bound and allocates no more than the bytes
/// at hand can describe.
namespace atl::two_phase {

enum class message_type : std::uint8_t { heartbeat, prepare, vote, decide, fetch, entries };
inline constexpr message_type message_type_last = message_type::entries;

/// Stands before each message.
struct header {
  message_type type = message_type::heartbeat;
  std::uint64_t group = 0;          ///< fingerprint of the voters at the group's birth
  std::uint64_t incarnation = 0;    ///< the sender's
  std::uint64_t to_incarnation = 0; ///< the receiver's, as the sender knows it; 0: it doesn't
  std::uint64_t epoch = 0;          ///< the coordinator's, or the one a participant promised
};

struct heartbeat {
  bool coordinates = false; ///< or is about to
  bool asks = false;        ///< wants a heartbeat in return
  bool whole = false;
  spi::log_index decided = 0;     ///< everything up to here is decided, as far as the sender knows
  spi::log_index last = 0;        ///< the last index the sender knows anything of
  spi::log_index applied = 0;     ///< durable in the sender's state machine
  spi::log_index all_applied = 0; ///< from the coordinator: durable in everybody's
  placed_membership group{};      ///< the newest that the sender knows to be decided
  std::vector<spi::replica_id> lost{}; ///< never come back, as an operator said to somebody
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

enum class snapshot_wish : std::uint8_t {
  never,     ///< the requester's state machine has what its log lacks
  if_needed, ///< when the log doesn't reach back far enough
  surely,    ///< the requester's own log begins later than what it asks for
};
inline constexpr snapshot_wish snapshot_wish_last = snapshot_wish::surely;

struct fetch {
  std::uint64_t nonce = 0;
  spi::log_index from = 0;
  bool in_doubt = false; ///< also what is prepared and not decided
  snapshot_wish snapshot = snapshot_wish::if_needed;
};

struct known_entry {
  spi::log_index index = 0;
  slot_state state = slot_state::empty;
  entry_kind kind = entry_kind::command;
  std::uint64_t epoch = 0;
  std::string_view command;
};

/// Answers `fetch`.
struct entries {
  std::uint64_t nonce = 0;
  bool whole = false;
  bool snapshot = false; ///< what was asked for is gone from the log: a snapshot is on its way
  spi::log_index decided = 0;
  spi::log_index last = 0;
  spi::log_index next = 0; ///< go on asking here
  std::vector<known_entry> known;
};

/// @returns none when the bytes don't begin with a header.
std::optional<header> read_header(spi::reader& in);
void write_header(spi::writer& out, const header& head);

void encode(spi::writer& out, const heartbeat& body);
void encode(spi::writer& out, const fetch& body);
void encode(spi::writer& out, const entries& body);

/// Each reads to the end of the message; @returns false when it isn't one.
bool decode(spi::reader& in, heartbeat& body);
bool decode(spi::reader& in, fetch& body);
bool decode(spi::reader& in, entries& body);
bool decode(spi::reader& in, std::vector<prepare_entry>& body);
bool decode(spi::reader& in, std::vector<vote_entry>& body);
bool decode(spi::reader& in, std::vector<decide_entry>& body);

/// What the blob of a snapshot says.
struct snapshot_head {
  std::uint64_t group = 0;
  spi::log_index index = 0;
  placed_membership members; ///< in force at the index
};
std::string encode_snapshot_head(const snapshot_head& head);
bool decode_snapshot_head(std::string_view bytes, snapshot_head& out);

} // namespace atl::two_phase
