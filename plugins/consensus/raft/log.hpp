#pragma once

#include "../common/indexed_log.hpp"
#include "../common/members.hpp"
#include "config.hpp"

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace atl::raft {

using leader_based::membership;

inline constexpr leader_based::members_codec members_codec{members_max, true};

enum class entry_type : std::uint8_t { command, no_op, members };
inline constexpr auto entry_type_last = entry_type::members;

struct entry {
  std::uint64_t term = 0;
  entry_type type = entry_type::no_op;
  std::string body;             ///< the command, or an encoded membership
  spi::request_id id = 0;       ///< the proposal's, if it was proposed here in this run; not stored
  spi::persist_token token = 0; ///< the entry is durable here once this is

  std::size_t bytes() const { return body.size() + 32; }
  bool is_command() const { return type == entry_type::command; }
  const std::string& command() const { return body; }
};

void put(spi::writer& out, const entry& it);
/// Makes the reader fail on a body that is too long, or that should be a group and isn't.
void get(spi::reader& in, entry& it);
std::string encode(const entry& it);
std::optional<entry> decode_entry(std::string_view bytes);

class entry_log : public leader_based::indexed_log<entry> {
 public:
  bool holds(spi::log_index index) const { return index > base() && index <= last(); }
  std::uint64_t last_term() const { return term_at(last()); }
  /// Of an entry in the log, or of the base.
  std::uint64_t term_at(spi::log_index index) const {
    return index == base() ? base_term_ : at(index).term;
  }
  /// @pre the log holds `base`, or `base` is its base
  void cut(spi::log_index base) {
    base_term_ = term_at(base);
    indexed_log::cut(base);
  }
  /// Empties the log: a snapshot stands for all entries up to `base`.
  void reset(spi::log_index base, std::uint64_t term) {
    *this = entry_log{};
    indexed_log::cut(base);
    base_term_ = term;
  }

 private:
  std::uint64_t base_term_ = 0;
};

} // namespace atl::raft
