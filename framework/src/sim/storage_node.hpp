#pragma once

#include "storage_world.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace atl::sim {

/// A copy of a fragment on a disk.
struct stored_copy {
  std::uint64_t generation = 0;
  std::uint64_t bytes = 0;
  bool is_intact = true;
  std::int64_t stored_at = 0;
};

/// A storage node: its process, and its disk, which outlives the process.
class storage_node {
 public:
  storage_node(storage_world& world, keep::node_id id, std::uint32_t zone);

  keep::node_id id() const { return id_; }
  std::uint32_t zone() const { return zone_; }
  bool up() const { return up_; }
  bool is_gone() const { return gone_; }
  std::uint64_t incarnation() const { return incarnation_; }
  bool takes_data() const { return takes_data_; }
  bool is_readable() const { return readable_; }
  bool is_full() const { return full_; }
  /// When it last began, or ceased, to be able to store.
  std::int64_t changed_at() const { return changed_at_; }
  std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  std::uint64_t used_bytes() const { return used_bytes_; }
  std::uint64_t free_bytes() const;
  const std::map<keep::fragment_key, stored_copy>& copies() const { return copies_; }
  const stored_copy* find(const keep::fragment_key& key) const;
  /// Has it the fragment, intact, whether or not it is up?
  bool holds(const keep::fragment_key& key) const;
  /// What it says of itself with a heartbeat.
  keep::vitals vitals() const;
  /// Could the fragment be read from it now?
  bool can_read(const keep::fragment_key& key) const;

  // -- its process
  void start();
  void crash();
  /// Crashes, and never returns.
  void die();
  void set_slowness(std::uint32_t factor) { slowness_ = factor; }
  void set_full(bool full);
  void fail_disk(bool readable);
  /// Replaces a failed disk by an empty one.
  void replace_disk();
  /// Makes a failed disk work again, with what can still be read of it.
  void repair_disk();

  // -- its disk; the checker is told of what is lost
  /// Loses all copies.
  void wipe();
  /// Takes so much space for what isn't simulated, until the disk is wiped.
  void fill(std::uint64_t bytes) { used_bytes_ += bytes; }
  void rot(const keep::fragment_key& key);
  /// Stores a copy that is intact, or that nobody has checked.
  /// @returns false if there is no room
  bool store(const keep::fragment_key& key, std::uint64_t bytes, bool is_intact = true);

  // -- what it is asked to do
  /// An order that arrives. @param host who gave it
  void receive(const keep::order& what, std::uint32_t host);
  /// What it holds from `from` on.
  std::vector<keep::held_fragment> slice(const keep::fragment_key& from, bool& is_last) const;
  /// A client or another node reads a copy; a damaged one is set aside.
  enum class read_outcome : std::uint8_t { good, missing, damaged, unreachable };
  read_outcome read(const keep::fragment_key& key);
  /// Reads the copy because it is time to: finds damage.
  void scrub(const keep::fragment_key& key);

 private:
  void heartbeat();
  void schedule_heartbeat(std::int64_t delay);
  void carry_out(const keep::order& what, std::uint32_t host);
  keep::order_result finish(const keep::order& what);
  keep::order_result make_copy(const keep::order& what);
  keep::order_result rebuild(const keep::order& what);
  keep::order_result store_made(const keep::order& what, bool is_intact);
  keep::order_result remove(const keep::order& what);
  void set_aside(const keep::fragment_key& key);
  void erase(const keep::fragment_key& key);
  void tell(const keep::fragment_key& key, keep::fragment_condition what);

  storage_world& world_;
  keep::node_id id_;
  std::uint32_t zone_;
  std::uint64_t capacity_bytes_;
  bool up_ = false;
  bool gone_ = false;
  bool takes_data_ = true;
  bool readable_ = true;
  bool full_ = false;
  std::int64_t changed_at_ = 0;
  std::uint32_t slowness_ = 1;
  std::uint64_t incarnation_ = 0;
  std::uint64_t term_ = 0;        ///< the highest of the orders; durable
  std::uint64_t generations_ = 0; ///< durable, and never begins again, also on another disk
  std::uint64_t used_bytes_ = 0;
  std::uint32_t running_ = 0;
  std::map<keep::fragment_key, stored_copy> copies_;
};

} // namespace atl::sim
