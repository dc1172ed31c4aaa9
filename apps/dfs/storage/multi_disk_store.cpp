#include "storage/multi_disk_store.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/core/worker_threads.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using steady = std::chrono::steady_clock;

constexpr std::string_view log_role = "storage";
/// How long the free space that a choice goes by may be out of date; a disk that has become full
/// meanwhile refuses, and another one is taken.
constexpr auto room_lifetime = std::chrono::seconds{1};
/// How often it is looked whether the disks are still there.
constexpr auto look_interval = std::chrono::seconds{1};
/// Lost fragments that one call of `take_damaged` tells of each disk.
constexpr std::size_t lost_at_once = 2000;
/// Fragments that are compared at a time when the store is opened.
constexpr std::size_t compare_step = 4096;
constexpr const char* replace_advice =
    "; or put an empty disk in its place, which the next start of the node takes into use";

tl::unexpected<atl::error> not_stored(const fragment_key& key) {
  return atl::fail(errc::not_found,
                   fmt::format("fragment {} is stored on no disk of this node", to_string(key)));
}

fragment_key after(fragment_key key) {
  ++key.fragment;
  return key;
}

} // namespace

/// Gives up a writer's claim when the writer ends.
class multi_disk_store::claim_holder {
 public:
  claim_holder(multi_disk_store& store, const fragment_key& key) : store_{store}, key_{key} {}
  ~claim_holder() { store_.release(key_); }
  claim_holder(const claim_holder&) = delete;
  claim_holder& operator=(const claim_holder&) = delete;

 private:
  multi_disk_store& store_;
  fragment_key key_;
};

// -- start --------------------------------------------------------------------

atl::result<std::unique_ptr<multi_disk_store>>
multi_disk_store::open(std::vector<disk_options> disks, std::uint64_t seed) {
  std::unique_ptr<multi_disk_store> store{new multi_disk_store{seed}};
  if (auto opened = store->open_disks(std::move(disks)); !opened)
    return tl::unexpected{opened.error()};
  store->settle_duplicates();
  store->refresh_rooms();
  return store;
}

/// While everything that a failure handler uses still lives.
multi_disk_store::~multi_disk_store() {
  for (auto& each : slots_)
    each->store.reset();
}

atl::status multi_disk_store::open_disks(std::vector<disk_options> disks) {
  auto numbers = numbers_since_1970();
  for (auto& options : disks) {
    options.store.numbers = numbers;
    slots_.push_back(std::make_unique<slot>());
    slots_.back()->folder = options.folder;
  }
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  atl::status outcome;
  atl::run_on_threads(static_cast<unsigned>(disks.size()), [&] {
    for (auto i = next++; i < disks.size(); i = next++)
      if (auto done = open_disk(*slots_[i], std::move(disks[i])); !done) {
        std::lock_guard lock{mutex};
        outcome = std::move(done);
      }
  });
  if (!outcome)
    return outcome;
  auto is_open = [](auto& each) { return each->store != nullptr; };
  return std::ranges::any_of(slots_, is_open) ? atl::status{} : tl::unexpected{all_failed()};
}

atl::status multi_disk_store::open_disk(slot& into, disk_options options) {
  if (!options.problem.empty()) {
    into.failure = options.problem;
    return {};
  }
  options.store.on_failure = [this, &into](const atl::error& why) {
    stop_using(into, why.message);
  };
  auto opened = chunk_store::open(std::move(options.store), *options.on);
  if (!opened) {
    if (opened.error().code == errc::refused)
      return tl::unexpected{opened.error()};
    into.failure = opened.error().message + replace_advice;
    atl::log::error(log_role, into.folder, "the node goes on without this disk: {}", into.failure);
    return {};
  }
  into.store = std::move(*opened);
  into.is_used = true;
  if (auto failed = into.store->failure())
    stop_using(into, failed->message);
  return {};
}

/// Walks over the fragments of all disks in the order of their keys.
void multi_disk_store::settle_duplicates() {
  struct cursor {
    chunk_store* store = nullptr;
    std::vector<stored_fragment> batch;
    std::size_t at = 0;

    void load(const fragment_key& from) {
      batch = store->slice(from, compare_step);
      at = 0;
    }
    bool is_at_end() const { return at == batch.size(); }
    const fragment_key& key() const { return batch[at].key; }
    void advance() {
      if (++at == batch.size())
        load(after(batch.back().key));
    }
  };
  std::vector<cursor> cursors;
  for (auto& each : slots_)
    if (each->is_used) {
      cursors.push_back({each->store.get(), {}, 0});
      cursors.back().load({});
    }
  for (;;) {
    std::erase_if(cursors, [](auto& each) { return each.is_at_end(); });
    if (cursors.size() < 2)
      return;
    auto least =
        std::ranges::min_element(cursors, {}, [](auto& each) { return each.key(); })->key();
    std::vector<chunk_store*> on;
    for (auto& each : cursors)
      if (each.key() == least) {
        on.push_back(each.store);
        each.advance();
      }
    if (on.size() > 1)
      settle(least, on);
  }
}

/// Keeps the first copy that is intact; a check moves a damaged one aside.
void multi_disk_store::settle(const fragment_key& key, const std::vector<chunk_store*>& on) {
  std::optional<open_fragment> kept;
  for (auto* store : on) {
    auto intact = store->check(key);
    if (!intact || !*intact)
      continue;
    auto opened = store->open(key);
    if (!opened)
      continue;
    if (!kept) {
      kept.emplace(std::move(*opened));
      continue;
    }
    auto is_equal = opened->size == kept->size && opened->block_crcs == kept->block_crcs;
    atl::log::warning(log_role, "", "fragment {} is on two disks; the second copy is {}",
                      to_string(key), is_equal ? "removed" : "another one, and moved aside");
    auto done = is_equal ? store->remove(key) : store->quarantine(key);
    if (!done)
      atl::log::warning(log_role, "", "{}", done.error().message);
  }
}

// -- disks that fail ----------------------------------------------------------

/// Also called by the disk's store, in the thread that noticed the failure.
void multi_disk_store::stop_using(slot& which, const std::string& why) {
  std::size_t left = 0;
  {
    std::lock_guard lock{mutex_};
    if (!which.is_used.exchange(false))
      return;
    which.failure = why + replace_advice;
    which.lost_from = fragment_key{};
    for (auto& each : slots_)
      left += each->is_used ? 1 : 0;
  }
  atl::log::error(log_role, which.folder, "this disk isn't used any more, {} of {} are: {}", left,
                  slots_.size(), why);
}

void multi_disk_store::look_after_disks() {
  {
    std::lock_guard lock{mutex_};
    if (steady::now() - looked_at_ < look_interval)
      return;
    looked_at_ = steady::now();
  }
  for (auto& each : slots_)
    if (each->is_used)
      each->store->check_folder();
}

atl::error multi_disk_store::all_failed() const {
  std::string text = "all disks of the node have failed";
  for (auto& each : slots_)
    text += fmt::format("; {}: {}", each->folder, each->failure);
  return {errc::io, std::move(text)};
}

std::optional<atl::error> multi_disk_store::failure() const {
  std::lock_guard lock{mutex_};
  if (std::ranges::any_of(slots_, [](auto& each) { return each->is_used.load(); }))
    return std::nullopt;
  return all_failed();
}

std::vector<disk_state> multi_disk_store::disks() const {
  std::lock_guard lock{mutex_};
  std::vector<disk_state> states;
  for (auto& each : slots_)
    states.push_back({each->folder, each->failure, each->last});
  return states;
}

// -- where fragments are ------------------------------------------------------

std::optional<std::size_t> multi_disk_store::disk_of(const fragment_key& key) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i]->is_used && slots_[i]->store->find(key))
      return i;
  return std::nullopt;
}

chunk_store* multi_disk_store::holder(const fragment_key& key) const {
  auto disk = disk_of(key);
  return disk ? slots_[*disk]->store.get() : nullptr;
}

std::optional<stored_fragment> multi_disk_store::find(const fragment_key& key) const {
  auto* store = holder(key);
  return store ? store->find(key) : std::nullopt;
}

std::vector<stored_fragment> multi_disk_store::slice(const fragment_key& from,
                                                     std::size_t limit) const {
  std::vector<stored_fragment> all;
  for (auto& each : slots_) {
    if (!each->is_used)
      continue;
    auto part = each->store->slice(from, limit);
    auto middle = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), part.begin(), part.end());
    std::inplace_merge(all.begin(), all.begin() + middle, all.end());
  }
  auto [repeated, end] = std::ranges::unique(all, {}, &stored_fragment::key);
  all.erase(repeated, end);
  if (all.size() > limit)
    all.resize(limit);
  return all;
}

void multi_disk_store::renew(const fragment_key& key) {
  if (auto* store = holder(key))
    store->renew(key);
}

// -- reading ------------------------------------------------------------------

atl::result<open_fragment> multi_disk_store::open(const fragment_key& key) {
  if (auto* store = holder(key))
    return store->open(key);
  for (auto& each : slots_)
    if (!each->is_used && each->store)
      if (auto opened = each->store->open_untouched(key))
        return opened;
  return not_stored(key);
}

std::optional<open_fragment> multi_disk_store::open_cached(const fragment_key& key) {
  auto* store = holder(key);
  return store ? store->open_cached(key) : std::nullopt;
}

atl::result<bool> multi_disk_store::check(const fragment_key& key, const check_options& how) {
  auto* store = holder(key);
  return store ? store->check(key, how) : not_stored(key);
}

// -- changing -----------------------------------------------------------------

/// Each of the disks in the order that is returned may be tried. @pre of a success: the claim is
/// released
atl::result<std::vector<std::size_t>> multi_disk_store::claim_disks(const fragment_key& key,
                                                                    std::uint64_t size) {
  std::lock_guard lock{mutex_};
  if (auto known = claims_.find(key); known != claims_.end()) {
    ++known->second.writers;
    return std::vector{known->second.disk};
  }
  std::vector<std::size_t> order;
  if (auto disk = disk_of(key)) {
    order.push_back(*disk);
  } else {
    std::vector<disk_room> rooms;
    for (auto& each : slots_)
      rooms.push_back({each->is_used, each->last.free});
    order = choose_disks(rooms, size + fragment_footer_size(size), random_);
  }
  if (order.empty())
    return std::ranges::any_of(slots_, [](auto& each) { return each->is_used.load(); })
               ? atl::fail(errc::no_space, fmt::format("no disk of this node has room for "
                                                       "fragment {} of {} bytes",
                                                       to_string(key), size))
               : tl::unexpected{all_failed()};
  claims_[key] = {order.front(), 1};
  return order;
}

/// @returns false if another writer relies on the present disk.
bool multi_disk_store::move_claim(const fragment_key& key, std::size_t to) {
  std::lock_guard lock{mutex_};
  auto& held = claims_.at(key);
  if (held.disk != to && held.writers > 1)
    return false;
  held.disk = to;
  return true;
}

void multi_disk_store::release(const fragment_key& key) {
  std::lock_guard lock{mutex_};
  auto held = claims_.find(key);
  if (--held->second.writers == 0)
    claims_.erase(held);
}

atl::result<chunk_writer> multi_disk_store::begin(const fragment_key& key, std::uint64_t size) {
  refresh_rooms();
  auto order = claim_disks(key, size);
  if (!order && order.error().code == errc::no_space) {
    std::ignore = usage(); // space may have become free since the disks were asked
    order = claim_disks(key, size);
  }
  if (!order)
    return tl::unexpected{order.error()};
  auto claimed = std::make_shared<claim_holder>(*this, key);
  std::optional<atl::error> problem;
  for (auto disk : *order) {
    if (!move_claim(key, disk))
      break;
    auto begun = slots_[disk]->store->begin(key, size);
    if (begun) {
      begun->hold(std::move(claimed));
      return begun;
    }
    problem = begun.error();
    if (problem->code != errc::no_space && problem->code != errc::io)
      break;
  }
  return tl::unexpected{problem.value_or(
      atl::error{errc::io, fmt::format("fragment {} is being written twice, on a disk that failed",
                                       to_string(key))})};
}

atl::status multi_disk_store::remove(const fragment_key& key, std::uint64_t generation) {
  auto* store = holder(key);
  return store ? store->remove(key, generation) : not_stored(key);
}

std::vector<fragment_key> multi_disk_store::take_damaged() {
  std::vector<fragment_key> found;
  for (auto& each : slots_) {
    if (each->is_used) {
      auto damaged = each->store->take_damaged();
      found.insert(found.end(), damaged.begin(), damaged.end());
      continue;
    }
    std::lock_guard lock{mutex_};
    if (!each->lost_from || !each->store)
      continue;
    auto lost = each->store->slice(*each->lost_from, lost_at_once);
    each->lost_from.reset();
    if (lost.size() == lost_at_once)
      each->lost_from = after(lost.back().key);
    for (auto& fragment : lost)
      found.push_back(fragment.key);
  }
  std::erase_if(found, [this](auto& key) { return holder(key) != nullptr; });
  return found;
}

atl::status multi_disk_store::flush() {
  atl::status outcome;
  for (auto& each : slots_)
    if (each->is_used)
      if (auto done = each->store->flush(); !done)
        outcome = std::move(done);
  return outcome;
}

// -- space --------------------------------------------------------------------

/// Asks the disks for their free space, if that is out of date.
void multi_disk_store::refresh_rooms() {
  {
    std::lock_guard lock{mutex_};
    if (steady::now() - rooms_at_ < room_lifetime)
      return;
    rooms_at_ = steady::now();
  }
  std::ignore = usage();
}

atl::result<store_usage> multi_disk_store::usage() {
  look_after_disks();
  store_usage sum;
  for (auto& each : slots_) {
    if (each->is_used) {
      auto now = each->store->usage();
      std::lock_guard lock{mutex_};
      if (now)
        each->last = *now;
    }
    std::lock_guard lock{mutex_};
    auto& last = each->last;
    if (!each->is_used)
      last = {0, 0, 0, 0, last.damaged, last.removed_bytes};
    sum.chunks += last.chunks;
    sum.bytes += last.bytes;
    sum.free += last.free;
    sum.capacity += last.capacity;
    sum.damaged += last.damaged;
    sum.removed_bytes += last.removed_bytes;
  }
  return sum;
}

} // namespace dfs
