#include "members.hpp"

#include "config.hpp"

#include <algorithm>
#include <functional>

namespace atl::paxos {

namespace {

/// In order, with nobody twice, and without 0, who is nobody.
bool is_in_order(const std::vector<spi::replica_id>& list) {
  return std::adjacent_find(list.begin(), list.end(), std::greater_equal<>{}) == list.end() &&
         (list.empty() || list.front() != 0);
}

} // namespace

bool membership::votes(spi::replica_id id) const {
  return std::find(voters.begin(), voters.end(), id) != voters.end();
}

bool membership::contains(spi::replica_id id) const {
  return votes(id) || std::find(learners.begin(), learners.end(), id) != learners.end();
}

std::vector<spi::replica_id> membership::all() const {
  auto list = voters;
  list.insert(list.end(), learners.begin(), learners.end());
  std::sort(list.begin(), list.end());
  return list;
}

void put(spi::writer& out, const membership& it) {
  for (auto* list : {&it.voters, &it.learners}) {
    out.put(static_cast<std::uint32_t>(list->size()));
    for (auto id : *list)
      out.put(id);
  }
}

membership get_membership(spi::reader& in) {
  membership it;
  for (auto* list : {&it.voters, &it.learners}) {
    auto count = in.get_count(sizeof(spi::replica_id));
    if (count > max_members)
      in.fail();
    for (std::uint32_t i = 0; in.ok() && i < count; ++i)
      list->push_back(in.get<spi::replica_id>());
  }
  auto twice =
      std::any_of(it.learners.begin(), it.learners.end(), [&it](auto id) { return it.votes(id); });
  if (it.voters.empty() || it.voters.size() + it.learners.size() > max_members || twice ||
      !is_in_order(it.voters) || !is_in_order(it.learners))
    in.fail();
  return it;
}

std::string encode(const membership& it) {
  spi::writer out;
  put(out, it);
  return out.take();
}

std::optional<membership> decode_membership(std::string_view bytes) {
  spi::reader in{bytes};
  auto it = get_membership(in);
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

} // namespace atl::paxos
