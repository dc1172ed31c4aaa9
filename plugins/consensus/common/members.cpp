#include "members.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace atl::leader_based {

namespace {

bool has(const id_list& list, spi::replica_id id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

id_list merged(id_list list, const id_list& other) {
  list.insert(list.end(), other.begin(), other.end());
  normalize(list);
  return list;
}

bool is_in_order(const id_list& list) {
  return std::adjacent_find(list.begin(), list.end(), std::greater_equal<>{}) == list.end() &&
         (list.empty() || list.front() != 0);
}

void put_list(spi::writer& out, const id_list& list) {
  out.put(static_cast<std::uint32_t>(list.size()));
  for (auto id : list)
    out.put(id);
}

id_list get_list(spi::reader& in, std::size_t max) {
  id_list list;
  auto count = in.get_count(sizeof(spi::replica_id));
  if (count > max)
    in.fail();
  for (std::uint32_t i = 0; in.ok() && i < count; ++i)
    list.push_back(in.get<spi::replica_id>());
  if (!is_in_order(list))
    in.fail();
  return list;
}

} // namespace

bool membership::votes(spi::replica_id id) const {
  return has(voters, id) || has(old_voters, id);
}

bool membership::contains(spi::replica_id id) const {
  return votes(id) || has(learners, id);
}

id_list membership::all() const {
  return merged(all_voters(), learners);
}

id_list membership::all_voters() const {
  return merged(voters, old_voters);
}

void normalize(id_list& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

void members_codec::put(spi::writer& out, const membership& it) const {
  put_list(out, it.voters);
  if (joint)
    put_list(out, it.old_voters);
  put_list(out, it.learners);
}

membership members_codec::get(spi::reader& in) const {
  membership it;
  it.voters = get_list(in, members_max);
  if (joint)
    it.old_voters = get_list(in, members_max);
  it.learners = get_list(in, members_max);
  auto is_voter = [&](auto id) { return has(it.voters, id); };
  if (it.voters.empty() || it.voters.size() + it.learners.size() > members_max ||
      std::any_of(it.learners.begin(), it.learners.end(), is_voter))
    in.fail();
  return it;
}

std::string members_codec::encode(const membership& it) const {
  spi::writer out;
  put(out, it);
  return out.take();
}

std::optional<membership> members_codec::decode(std::string_view bytes) const {
  spi::reader in{bytes};
  auto it = get(in);
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

const membership& membership_history::current() const {
  return changes_.empty() ? base_ : changes_.rbegin()->second;
}

const membership& membership_history::at(spi::log_index index) const {
  auto after = changes_.upper_bound(index);
  return after == changes_.begin() ? base_ : std::prev(after)->second;
}

void membership_history::rebase(spi::log_index index, membership base) {
  base_ = std::move(base);
  changes_.erase(changes_.begin(), changes_.upper_bound(index));
}

} // namespace atl::leader_based
