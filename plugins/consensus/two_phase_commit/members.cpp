#include "members.hpp"

#include "config.hpp"

#include <algorithm>
#include <iterator>

namespace atl::two_phase {

bool membership::is_voter(spi::replica_id id) const {
  return has(voters, id);
}

bool membership::contains(spi::replica_id id) const {
  return has(voters, id) || has(learners, id);
}

std::vector<spi::replica_id> membership::all() const {
  return union_of(voters, learners);
}

void normalize(std::vector<spi::replica_id>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

std::vector<spi::replica_id> union_of(const std::vector<spi::replica_id>& one,
                                      const std::vector<spi::replica_id>& other) {
  std::vector<spi::replica_id> out;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(out));
  return out;
}

std::vector<spi::replica_id> without(std::vector<spi::replica_id> list,
                                     const std::vector<spi::replica_id>& gone) {
  std::erase_if(list, [&gone](auto id) { return has(gone, id); });
  return list;
}

bool has(const std::vector<spi::replica_id>& list, spi::replica_id id) {
  return std::binary_search(list.begin(), list.end(), id);
}

std::string list(const std::vector<spi::replica_id>& ids) {
  std::string out;
  for (auto id : ids)
    out += (out.empty() ? "" : ", ") + std::to_string(id);
  return out;
}

void put(spi::writer& out, const std::vector<spi::replica_id>& ids) {
  out.put(static_cast<std::uint32_t>(ids.size()));
  for (auto id : ids)
    out.put(id);
}

std::vector<spi::replica_id> get_ids(spi::reader& in, std::size_t most) {
  std::vector<spi::replica_id> out;
  auto count = in.get_count(sizeof(spi::replica_id));
  if (count > most)
    in.fail();
  for (; count > 0 && in.ok(); --count) {
    auto id = in.get<spi::replica_id>();
    if (id == 0 || (!out.empty() && out.back() >= id))
      in.fail();
    out.push_back(id);
  }
  return in.ok() ? out : std::vector<spi::replica_id>{};
}

void put(spi::writer& out, const effective_membership& it) {
  out.put(it.index);
  put(out, it.group.voters);
  put(out, it.group.learners);
}

effective_membership get_membership(spi::reader& in) {
  effective_membership it;
  it.index = in.get<spi::log_index>();
  it.group.voters = get_ids(in, voters_max);
  it.group.learners = get_ids(in, learners_max);
  if (it.group.voters.empty())
    in.fail();
  return it;
}

std::string encode(const change_entry& it) {
  spi::writer out;
  put(out, effective_membership{0, it.group});
  put(out, it.lost);
  return out.take();
}

std::optional<change_entry> decode_change(std::string_view bytes) {
  spi::reader in{bytes};
  change_entry it;
  it.group = get_membership(in).group;
  it.lost = get_ids(in, lost_max);
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::two_phase
