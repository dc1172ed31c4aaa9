#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace atl::sim {

/// A replica's disk: its durable contents, and the writes that are not durable yet.
class sim_disk {
 public:
  using place = std::pair<std::uint32_t, std::uint64_t>; ///< stream and index

  void submit(spi::persist it) { queue_.push_back(std::move(it)); }

  bool idle() const { return syncing_ == 0; }
  bool wants_sync() const { return idle() && !queue_.empty(); }
  /// Begins one sync of all waiting writes.
  void begin_sync() { syncing_ = queue_.size(); }
  /// The sync succeeded. @returns the last token that is durable now.
  spi::persist_token end_sync();

  std::size_t waiting() const { return queue_.size(); }
  /// The first `kept` waiting writes become durable; the others are lost.
  void crash(std::size_t kept);

  spi::stable_state read() const;
  /// @returns false when there is no such record.
  bool damage(place where);
  void damage_meta() { meta_damaged_ = meta_.has_value(); }
  void lose();

  bool empty() const { return records_.empty() && !meta_; }
  std::size_t size() const { return records_.size(); }
  std::vector<place> places() const;

 private:
  void carry_out(std::vector<spi::disk_op>& ops);

  std::map<place, std::string> records_;
  std::set<place> damaged_;
  std::optional<std::string> meta_;
  bool meta_damaged_ = false;
  std::deque<spi::persist> queue_;
  std::size_t syncing_ = 0;
};

} // namespace atl::sim
