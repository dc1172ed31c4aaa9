#include "members.hpp"

#include "config.hpp"

#include <algorithm>

namespace atl::paxos {

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
  if (it.voters.empty() || it.voters.size() + it.learners.size() > max_members)
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
