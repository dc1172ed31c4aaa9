#pragma once

#include "ballot.hpp"

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace atl::paxos {

/// The stream of records that holds the log; a record's index is its index.
inline constexpr std::uint32_t log_stream = 0;

enum class value_type : std::uint8_t { command, no_op, members };
inline constexpr auto value_type_last = value_type::members;

/// What may be committed at an index.
struct value {
  value_type type = value_type::no_op;
  std::string body; ///< the command, or an encoded membership

  friend bool operator==(const value&, const value&) = default;
};

void put(spi::writer& out, const value& it);
/// Makes the reader fail on a body that is too long, or no group where one is due.
value get_value(spi::reader& in);

/// What this replica has accepted at an index, and in which ballot.
struct slot {
  ballot accepted = 0; ///< 0: nothing
  paxos::value value;
  spi::request_id id = 0;        ///< whose proposal of this run it is; not stored
  spi::persist_token token = 0;  ///< it is durable once this is
  std::uint64_t accepted_by = 0; ///< at its leader: which peers, a bit each

  std::size_t bytes() const { return value.body.size() + 64; }
};

std::string encode(const slot& it);
std::optional<slot> decode_slot(std::string_view bytes);

/// The indexes that are still kept, behind a base that stands for all before it; with holes,
/// since each index is agreed upon by itself.
class slot_log {
 public:
  spi::log_index base() const { return base_; }
  spi::log_index last() const { return base_ + slots_.size(); }
  std::size_t bytes() const { return bytes_; }
  /// Whether something was accepted at the index.
  bool holds(spi::log_index at) const {
    return at > base_ && at <= last() && this->at(at).accepted != 0;
  }
  slot& at(spi::log_index index) { return slots_[index - base_ - 1]; }
  const slot& at(spi::log_index index) const { return slots_[index - base_ - 1]; }

  /// @pre `index` > base
  void put(spi::log_index index, slot it);
  /// Removes everything up to `base`; beyond the last index it leaves nothing.
  void cut(spi::log_index base);

 private:
  spi::log_index base_ = 0;
  std::deque<slot> slots_;
  std::size_t bytes_ = 0;
};

} // namespace atl::paxos
