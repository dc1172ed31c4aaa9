#include "storage_node.hpp"

#include "keeper_hosts.hpp"
#include "storage_observer.hpp"

#include <algorithm>

namespace atl::sim {

using keep::fragment_condition;
using keep::fragment_key;
using keep::order;
using keep::order_result;

namespace {

constexpr std::int64_t scrub_retry_us = 1'000'000; ///< while a node is down
constexpr std::int64_t seek_us = 1'000;            ///< that any order takes

std::uint64_t draw_capacity(storage_world& world, keep::node_id id) {
  auto& parameters = world.parameters();
  auto half_more = parameters.are_disks_uneven ? combine(world.options().seed, id) % 4 : 0;
  return parameters.disk_bytes + parameters.disk_bytes / 2 * half_more;
}

} // namespace

storage_node::storage_node(storage_world& world, keep::node_id id, std::uint32_t zone)
    : world_{world}, id_{id}, zone_{zone}, capacity_bytes_{draw_capacity(world, id)} {}

std::uint64_t storage_node::free_bytes() const {
  return full_ || used_bytes_ > capacity_bytes_ ? 0 : capacity_bytes_ - used_bytes_;
}

const stored_copy* storage_node::find(const fragment_key& key) const {
  auto found = copies_.find(key);
  return found == copies_.end() ? nullptr : &found->second;
}

bool storage_node::holds(const fragment_key& key) const {
  auto* copy = find(key);
  return copy && copy->is_intact;
}

bool storage_node::can_read(const fragment_key& key) const {
  return up_ && readable_ && holds(key);
}

// -- process ----------------------------------------------------------------------------------

void storage_node::start() {
  if (up_ || gone_)
    return;
  up_ = true;
  changed_at_ = world_.now();
  ++incarnation_;
  running_ = 0;
  world_.trace("node {} starts", id_);
  if (auto interval = world_.parameters().heartbeat_us; interval != 0)
    schedule_heartbeat(
        static_cast<std::int64_t>(combine(combine(world_.options().seed, id_), incarnation_) %
                                  static_cast<std::uint64_t>(interval)));
}

void storage_node::crash() {
  if (!up_)
    return;
  up_ = false;
  world_.trace("node {} stops", id_);
}

void storage_node::die() {
  crash();
  gone_ = true;
  world_.trace("node {} is lost for good", id_);
  wipe();
}

void storage_node::set_full(bool full) {
  full_ = full;
  changed_at_ = world_.now();
}

void storage_node::fail_disk(bool readable) {
  takes_data_ = false;
  readable_ = readable;
  world_.trace("the disk of node {} fails: {}", id_,
               readable ? "it can only be read" : "all it had is lost");
  if (!readable)
    wipe();
}

void storage_node::replace_disk() {
  if (takes_data_)
    return;
  world_.trace("node {} gets another disk", id_);
  wipe();
  takes_data_ = readable_ = true;
  auto was_up = up_;
  crash();
  if (was_up)
    start();
}

void storage_node::repair_disk() {
  if (!readable_)
    replace_disk();
  changed_at_ = world_.now();
  takes_data_ = true;
}

void storage_node::schedule_heartbeat(std::int64_t delay) {
  world_.after(delay, [this, incarnation = incarnation_] {
    if (up_ && incarnation == incarnation_)
      heartbeat();
  });
}

keep::vitals storage_node::vitals() const {
  keep::vitals it;
  it.capacity_bytes = capacity_bytes_;
  it.used_bytes = used_bytes_;
  it.free_bytes = free_bytes();
  it.fragments = copies_.size();
  it.domain = zone_;
  it.in_flight = running_;
  it.takes_data = takes_data_;
  return it;
}

void storage_node::heartbeat() {
  world_.observer().on_heartbeat();
  world_.hosts().hear(id_, incarnation_, vitals());
  schedule_heartbeat(world_.parameters().heartbeat_us);
}

// -- disk -------------------------------------------------------------------------------------

void storage_node::erase(const fragment_key& key) {
  auto found = copies_.find(key);
  used_bytes_ -= found->second.bytes;
  copies_.erase(found);
  world_.observer().on_copies(-1);
}

void storage_node::wipe() {
  auto lost = std::exchange(copies_, {});
  used_bytes_ = 0;
  world_.observer().on_copies(-static_cast<std::int64_t>(lost.size()));
  for (auto& [key, copy] : lost)
    world_.observer().on_destroyed(id_, key, copy.is_intact);
}

void storage_node::rot(const fragment_key& key) {
  auto found = copies_.find(key);
  if (found == copies_.end() || !found->second.is_intact)
    return;
  found->second.is_intact = false;
  world_.trace("{} rots on node {}", to_text(key), id_);
  world_.observer().on_destroyed(id_, key, true);
}

bool storage_node::store(const fragment_key& key, std::uint64_t bytes, bool is_intact) {
  if (!takes_data_ || free_bytes() < bytes)
    return false;
  auto [at, is_new] = copies_.try_emplace(key);
  used_bytes_ += bytes - at->second.bytes;
  at->second = {++generations_, bytes, is_intact, world_.now()};
  world_.observer().on_copies(is_new ? 1 : 0);
  world_.observer().on_stored(id_, key);
  return true;
}

void storage_node::set_aside(const fragment_key& key) {
  world_.trace("node {} sets its damaged {} aside", id_, to_text(key));
  erase(key);
  world_.observer().on_complaint(id_, key);
  tell(key, fragment_condition::damaged);
}

void storage_node::tell(const fragment_key& key, fragment_condition what) {
  world_.hosts().tell(id_, key, what);
}

storage_node::read_outcome storage_node::read(const fragment_key& key) {
  if (!up_ || !readable_)
    return read_outcome::unreachable;
  auto* copy = find(key);
  if (!copy)
    return read_outcome::missing;
  if (copy->is_intact)
    return read_outcome::good;
  if (world_.options().nodes_check_copies)
    set_aside(key);
  return read_outcome::damaged;
}

void storage_node::scrub(const fragment_key& key) {
  auto* copy = find(key);
  if (!copy || copy->is_intact)
    return;
  if (up_ && readable_)
    set_aside(key);
  else if (!gone_)
    world_.after(scrub_retry_us, [this, key] { scrub(key); });
}

std::vector<keep::held_fragment> storage_node::slice(const fragment_key& from,
                                                     bool& is_last) const {
  std::vector<keep::held_fragment> held;
  auto at = copies_.lower_bound(from);
  for (; at != copies_.end() && held.size() < world_.parameters().slice_fragments; ++at)
    held.push_back({at->first, at->second.generation});
  is_last = at == copies_.end();
  return held;
}

// -- orders -----------------------------------------------------------------------------------

void storage_node::receive(const order& what, std::uint32_t host) {
  if (what.term < term_) {
    world_.trace("node {} refuses order {}: its term is over", id_, what.id);
    return world_.hosts().answer(id_, host, what.id, {order_result::outcome::failed, {}});
  }
  term_ = what.term;
  auto bytes = what.what == order::work::remove ? 0 : what.fragment_bytes;
  auto rate = world_.parameters().node_bytes_a_second / slowness_;
  auto takes = seek_us * slowness_ + static_cast<std::int64_t>(bytes * 1'000'000 / rate);
  ++running_;
  world_.after(takes, [this, what, host, incarnation = incarnation_] {
    if (!up_ || incarnation != incarnation_)
      return;
    --running_;
    carry_out(what, host);
  });
}

void storage_node::carry_out(const order& what, std::uint32_t host) {
  auto result = finish(what);
  world_.note(combine(what.id, static_cast<std::uint64_t>(result.what)));
  world_.hosts().answer(id_, host, what.id, result);
}

order_result storage_node::finish(const order& what) {
  switch (what.what) {
  case order::work::copy:
    return make_copy(what);
  case order::work::rebuild:
    return rebuild(what);
  case order::work::verify:
    switch (read(what.key)) {
    case read_outcome::good:
      return {};
    case read_outcome::damaged:
      return {order_result::outcome::damaged, {}};
    case read_outcome::missing:
      world_.observer().on_complaint(id_, what.key);
      return {order_result::outcome::not_found, {}};
    case read_outcome::unreachable:
      break;
    }
    return {order_result::outcome::failed, {}};
  case order::work::remove:
    return remove(what);
  }
  return {order_result::outcome::failed, {}};
}

order_result storage_node::make_copy(const order& what) {
  order_result failure{order_result::outcome::source_failed, keep::no_node};
  for (auto& source : what.sources) {
    if (!world_.has_node(source.node))
      continue;
    switch (world_.node(source.node).read({what.key.unit, source.fragment})) {
    case read_outcome::good:
      return store_made(what, true);
    case read_outcome::damaged:
      if (!world_.options().nodes_check_copies)
        return store_made(what, false);
      failure.failed_source = source.node;
      break;
    case read_outcome::missing:
    case read_outcome::unreachable:
      failure.failed_source = source.node;
      break;
    }
  }
  return failure;
}

order_result storage_node::rebuild(const order& what) {
  std::vector<bool> present(world_.layout().total);
  order_result failure{order_result::outcome::source_failed, keep::no_node};
  for (auto& source : what.sources) {
    if (!world_.has_node(source.node) || source.fragment >= present.size())
      continue;
    switch (world_.node(source.node).read({what.key.unit, source.fragment})) {
    case read_outcome::good:
      present[source.fragment] = true;
      break;
    case read_outcome::damaged:
    case read_outcome::missing:
    case read_outcome::unreachable:
      failure.failed_source = source.node;
      break;
    }
  }
  return world_.scheme().enough(present) ? store_made(what, true) : failure;
}

order_result storage_node::store_made(const order& what, bool is_intact) {
  if (!takes_data_)
    return {order_result::outcome::failed, {}};
  if (!store(what.key, what.fragment_bytes, is_intact))
    return {order_result::outcome::no_space, {}};
  world_.stats().bytes_copied += what.fragment_bytes;
  world_.trace("node {} stores {}", id_, to_text(what.key));
  tell(what.key, fragment_condition::stored);
  if (!is_intact)
    world_.violate(
        storage_violation::damage_spread,
        fmt::format("node {} stores {} from a damaged copy as a good one", id_, to_text(what.key)));
  return {};
}

order_result storage_node::remove(const order& what) {
  auto* copy = find(what.key);
  // An order without a generation takes whatever copy there is.
  if (!copy || (what.generation != 0 && copy->generation != what.generation))
    return {order_result::outcome::not_found, {}};
  world_.trace("node {} removes {}", id_, to_text(what.key));
  world_.observer().on_removal(id_, what.key, what.term);
  erase(what.key);
  return {};
}

} // namespace atl::sim
