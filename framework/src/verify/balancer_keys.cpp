#include "balancer_keys.hpp"

#include "member_lists.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <vector>

namespace atl::verify::keys {

namespace {

using properties::balancer_driver;

/// The id of the member that a key gets; 0: none.
using owners = std::map<std::uint64_t, std::uint64_t>;

std::vector<std::uint64_t> draw_keys(spi::random_source& random, std::size_t count) {
  std::vector<std::uint64_t> keys(count);
  for (auto& key : keys)
    key = random.next();
  return keys;
}

std::uint64_t id_of(const member_list& all, spi::slot who) {
  return who < all.size() ? all[who].id : 0;
}

owners owners_of(balancer_driver& balancer, const member_list& all,
                 const std::vector<std::uint64_t>& keys) {
  balancer.use(all);
  owners found;
  for (auto key : keys)
    found[key] = id_of(all, balancer.pick(key));
  return found;
}

bool ignores_keys(const balancer_maker& make, const member_list& all, std::uint64_t seed) {
  spi::random_source random{seed};
  balancer_driver with_keys{make(seed)}, without{make(seed)};
  with_keys.use(all);
  without.use(all);
  for (int call = 0; call < 50; ++call)
    if (with_keys.pick(random.next()) != without.pick(0))
      return false;
  return true;
}

/// What happened to the keys between two assignments.
struct moves {
  std::size_t rightful = 0; ///< from or to the member that changed
  std::size_t needless = 0; ///< between two others
  std::uint64_t example = 0;
};

moves compare(const owners& before, const owners& after, std::uint64_t changed) {
  moves found;
  for (auto& [key, owner] : before) {
    auto now = after.at(key);
    if (now == owner)
      continue;
    if (now == changed || owner == changed) {
      ++found.rightful;
    } else {
      ++found.needless;
      found.example = key;
    }
  }
  return found;
}

/// Takes requests away from the busiest members until none is at its bound: one more request at any
/// of them is at most `bound` times the mean, rounded up.
void make_room(member_list& all, double bound) {
  for (;;) {
    double requests = 1, available = 0;
    std::uint32_t most = 0;
    for (auto& member : all) {
      most = std::max(most, member.in_flight);
      if (member.available) {
        requests += member.in_flight;
        available += 1;
      }
    }
    if (available == 0 || most < std::ceil(bound * requests / available - 1e-9))
      return;
    for (auto& member : all)
      member.in_flight = std::min(member.in_flight, most - 1);
  }
}

} // namespace

finding ignored_or_kept(const balancer_maker& make, std::uint64_t seed) {
  auto all = group({1, 2, 3, 1, 2});
  if (ignores_keys(make, all, seed))
    return std::nullopt;
  spi::random_source random{seed};
  balancer_driver balancer{make(seed)};
  auto keys = draw_keys(random, 64);
  auto first = owners_of(balancer, all, keys);
  for (int check = 0; check < 128; ++check) {
    auto key = keys[random.below(keys.size())];
    if (id_of(all, balancer.pick(key)) != first[key])
      return fmt::format("looks at keys, and picks another member for key {} than before, though "
                         "members and facts are the same and no outcome came",
                         key);
  }
  return std::nullopt;
}

finding stay(const balancer_maker& make, std::uint64_t seed, std::optional<double> load_bound) {
  constexpr int checks = 300;
  spi::random_source random{seed};
  balancer_driver balancer{make(random.next())};
  auto all = random_members(random, 3 + random.below(8), random.below(4), false);
  for (auto& member : all)
    member.in_flight = member.reported_in_flight = 0;
  auto keys = draw_keys(random, 32);
  auto first = owners_of(balancer, all, keys);
  std::map<std::uint64_t, std::vector<std::uint64_t>> first_many;
  for (int check = 0; check < checks; ++check) {
    if (random.chance(0.05))
      shuffle(all, random);
    draw_facts(random, all, false);
    if (load_bound)
      make_room(all, *load_bound);
    balancer.use(all);
    auto key = keys[random.below(keys.size())];
    auto picked = balancer.pick(key);
    if (id_of(all, picked) != first[key])
      return fmt::format("gives key {} to member {}, and to member {} before, though members and "
                         "availability are the same",
                         key, id_of(all, picked), first[key]);
    if (load_bound) { // for picks among ever fewer members, whose mean differs unless all are equal
      for (auto& member : all)
        member.in_flight = all.front().in_flight;
      balancer.use(all);
    }
    std::vector<std::uint64_t> many;
    for (auto who : balancer.pick_many(3, key))
      many.push_back(id_of(all, who));
    if (first_many.try_emplace(key, many).first->second != many)
      return fmt::format("gives key {} to three other members than before, though members and "
                         "availability are the same",
                         key);
    if (picked < all.size())
      balancer.observe(picked, {random.chance(0.8), std::chrono::milliseconds{random.below(90)}});
  }
  return std::nullopt;
}

finding move_little(const balancer_maker& make, std::uint64_t seed, std::string_view claimed) {
  constexpr std::size_t size = 12, key_count = 1'500;
  constexpr double deviations_max = 6;
  spi::random_source random{seed};
  balancer_driver balancer{make(random.next())};
  auto keys = draw_keys(random, key_count);
  auto all = equals(size);
  for (auto& member : all)
    member.id = random.next() | 1;
  auto before = owners_of(balancer, all, keys);
  std::size_t moved = 0, taken_back = 0, changes = 0;
  for (std::size_t i = 0; i < size; ++i) {
    auto less = all, dead = all;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    dead[i].available = false;
    auto id = all[i].id;
    const std::pair<member_list*, const char*> others[] = {
        {&less, "leaves"}, {&all, "joins"}, {&dead, "becomes unavailable"}, {&all, "comes back"}};
    for (auto& [list, event] : others) {
      auto after = owners_of(balancer, *list, keys);
      auto found = compare(before, after, id);
      if (claimed == "minimal" && found.needless > 0)
        return fmt::format("moves {} keys between other members when member {} {}, one is {}",
                           found.needless, id, event, found.example);
      before = std::move(after);
      moved += found.rightful + found.needless;
      taken_back += list == &all ? found.rightful : 0;
      ++changes;
    }
  }
  // On average over all members, so that an uneven ring counts as what it is in sum.
  auto share = static_cast<double>(key_count) / size;
  auto due = share * static_cast<double>(changes);
  if (static_cast<double>(moved) > 2 * due + deviations_max * std::sqrt(2 * due))
    return fmt::format("moves {} of {} keys each time that a member joins or leaves, where the "
                       "share of one of {} members is {:.0f}",
                       moved / changes, key_count, size, share);
  if (static_cast<double>(taken_back) < share * static_cast<double>(changes) / 2 / 4)
    return fmt::format("gives a member that joins {} of {} keys, where its share is {:.0f}",
                       2 * taken_back / changes, key_count, share);
  return std::nullopt;
}

} // namespace atl::verify::keys
