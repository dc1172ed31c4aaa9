#include "log.hpp"

#include "config.hpp"

#include <algorithm>

namespace atl::raft {

namespace {

bool has(const std::vector<spi::replica_id>& list, spi::replica_id id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

} // namespace

bool membership::votes(spi::replica_id id) const {
  return has(voters, id) || has(old_voters, id);
}

bool membership::contains(spi::replica_id id) const {
  return votes(id) || has(learners, id);
}

std::vector<spi::replica_id> membership::all() const {
  auto list = voters;
  list.insert(list.end(), old_voters.begin(), old_voters.end());
  list.insert(list.end(), learners.begin(), learners.end());
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

void put(spi::writer& out, const membership& it) {
  for (auto* list : {&it.voters, &it.old_voters, &it.learners}) {
    out.put(static_cast<std::uint32_t>(list->size()));
    for (auto id : *list)
      out.put(id);
  }
}

membership get_membership(spi::reader& in) {
  membership it;
  for (auto* list : {&it.voters, &it.old_voters, &it.learners}) {
    auto count = in.get_count(sizeof(spi::replica_id));
    if (count > max_members)
      in.fail();
    for (std::uint32_t i = 0; in.ok() && i < count; ++i)
      list->push_back(in.get<spi::replica_id>());
  }
  return it;
}

std::optional<membership> decode_membership(std::string_view bytes) {
  spi::reader in{bytes};
  auto it = get_membership(in);
  return in.done() && !it.voters.empty() ? std::optional{std::move(it)} : std::nullopt;
}

std::string encode(const entry& it) {
  spi::writer out;
  out.put(it.term).put(it.type).put(it.body);
  return out.take();
}

std::optional<entry> decode_entry(std::string_view bytes) {
  spi::reader in{bytes};
  entry it;
  it.term = in.get<std::uint64_t>();
  it.type = in.get_enum(entry_type_last);
  it.body = in.get_string(max_command_bytes);
  if (it.type == entry_type::members && !decode_membership(it.body))
    in.fail();
  return in.done() ? std::optional{std::move(it)} : std::nullopt;
}

void entry_log::append(entry it) {
  bytes_ += it.bytes();
  entries_.push_back(std::move(it));
}

void entry_log::truncate(spi::log_index last) {
  while (this->last() > last) {
    bytes_ -= entries_.back().bytes();
    entries_.pop_back();
  }
}

void entry_log::cut(spi::log_index base) {
  base_term_ = term_at(base);
  while (base_ < base) {
    bytes_ -= entries_.front().bytes();
    entries_.pop_front();
    ++base_;
  }
}

void entry_log::reset(spi::log_index base, std::uint64_t term) {
  entries_.clear();
  bytes_ = 0;
  base_ = base;
  base_term_ = term;
}

} // namespace atl::raft
