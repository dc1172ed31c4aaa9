#pragma once

#include <atoll/spi/consensus.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace atl::leader_based {

/// The stream of records that holds the log; a record stands at its log index.
inline constexpr std::uint32_t log_stream = 0;

/// The effects of all calls since the last `drain`, and which record each message waits for.
class outbox {
 public:
  using token = spi::persist_token;

  void write(spi::disk_op op) { ops_.push_back(std::move(op)); }
  void erase(spi::log_index first, spi::log_index last) {
    if (first <= last)
      ops_.push_back(spi::erase_records{log_stream, first, last});
  }
  /// The next record rewrites the protocol's blob. No message speaks of what changed in it (the
  /// log's base, a snapshot), so none waits for it: otherwise a disk that stalls while the log is
  /// cut would silence the leader, and cause an election.
  void write_meta() { meta_changed_ = true; }
  /// As `write_meta`, for a change that messages speak of: a term, a vote, a promise. Such messages
  /// wait for `promise_token()`.
  void write_promise() { meta_changed_ = promise_changed_ = true; }
  bool is_meta_changed() const { return meta_changed_; }

  /// Of the record that carries what is written now.
  token next_token() const { return token_ + 1; }
  token promise_token() const { return promise_changed_ ? next_token() : promise_token_; }
  bool is_durable(token it) const { return it <= durable_token_; }
  bool is_promise_durable() const { return is_durable(promise_token()); }
  /// @returns whether something became durable
  bool on_durable(token up_to) {
    return up_to > std::exchange(durable_token_, std::max(durable_token_, up_to));
  }

  void send(spi::replica_id to, std::string bytes, token after = 0) {
    effects_.emplace_back(spi::send{to, std::move(bytes), is_durable(after) ? 0 : after});
  }
  void emit(spi::effect it) { effects_.push_back(std::move(it)); }
  /// Moves a record with everything that was written, and then the other effects, to `out`.
  void drain(std::vector<spi::effect>& out);

 private:
  std::vector<spi::disk_op> ops_;
  std::vector<spi::effect> effects_;
  bool meta_changed_ = false;
  bool promise_changed_ = false;
  token token_ = 0; ///< of the last record
  token durable_token_ = 0;
  token promise_token_ = 0;
};

} // namespace atl::leader_based
