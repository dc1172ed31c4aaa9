#include "storage_clients.hpp"

#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"

#include <algorithm>
#include <utility>

namespace atl::sim {

storage_clients::storage_clients(storage_world& world)
    : world_{world}, random_{world.faults().stream(purpose::client)}, placement_{world,
                                                                                 random_.next()} {
  for (auto& [id, unit] : world.state().all_units())
    add_unit(id);
  for (std::uint32_t client = 1; client <= world.options().clients; ++client) {
    deaths_.push_back(world.faults().point(fault_kind::client_deaths, client));
    schedule(client);
  }
}

void storage_clients::schedule(std::uint32_t client) {
  world_.after(random_.between(1, 2 * world_.parameters().think_us),
               [this, client] { act(client); });
}

void storage_clients::add_unit(const keep::unit_id& unit) {
  place_[unit] = units_.size();
  units_.push_back(unit);
}

std::optional<keep::unit_id> storage_clients::draw_unit() {
  if (units_.empty())
    return std::nullopt;
  return units_[random_.below(units_.size())];
}

void storage_clients::act(std::uint32_t client) {
  if (stopped_)
    return;
  auto unit = draw_unit();
  auto what = random_.below(10);
  auto is_crowded = units_.size() >= world_.options().units;
  if (!unit || what < (is_crowded ? 1 : 4))
    begin_put(client, std::nullopt);
  else if (what < 4)
    remove(*unit);
  else if (what < 6)
    begin_put(client, unit);
  else
    read(*unit);
  schedule(client);
}

void storage_clients::begin_put(std::uint32_t client, std::optional<keep::unit_id> replaces) {
  upload work;
  work.client = client;
  work.replaces = replaces;
  work.unit.id = {static_cast<std::uint64_t>(world_.now()), ++ids_};
  work.unit.size_bytes = static_cast<std::uint64_t>(
      random_.between(1, static_cast<std::int64_t>(world_.options().unit_bytes_max)));
  work.unit.policy = world_.hosts().policy();
  work.unit.nodes = placement_.pick(work.unit.id, work.unit.size_bytes);
  auto fragments = static_cast<std::uint32_t>(work.unit.nodes.size());
  auto takes = random_.between(1'000, 500'000);
  if (auto death = world_.should_inject(deaths_[client - 1], world_.rates().client_death)) {
    auto written = static_cast<std::uint32_t>(death->below(fragments + 1));
    return world_.after(takes, [this, work = std::move(work), written] {
      world_.trace("client {} dies while it uploads {}", work.client, to_text(work.unit.id));
      write_fragments(work, written);
    });
  }
  world_.after(takes,
               [this, work = std::move(work), fragments] { write_fragments(work, fragments); });
}

/// @param fragments fewer than there are: the client dies meanwhile
void storage_clients::write_fragments(upload work, std::uint32_t fragments) {
  auto& nodes = work.unit.nodes;
  for (std::uint32_t i = 0; i < fragments; ++i) {
    if (nodes[i] == keep::no_node)
      continue;
    auto& node = world_.node(nodes[i]);
    if (!node.up() || !node.store({work.unit.id, i}, world_.fragment_bytes(work.unit, i)))
      nodes[i] = keep::no_node;
  }
  auto stored = nodes.size() - static_cast<std::size_t>(std::ranges::count(nodes, keep::no_node));
  if (fragments < nodes.size() || stored < world_.layout().min_write)
    return;
  // Some clients take so long that the state refuses the unit.
  auto window = world_.parameters().upload_window_us;
  auto takes = random_.chance(0.1) ? random_.between(0, 2 * window) : random_.between(100, 50'000);
  world_.after(takes, [this, work = std::move(work)] { commit(work); });
}

void storage_clients::commit(upload work) {
  if (!world_.state().put(work.unit))
    return world_.trace("the state refuses {}", to_text(work.unit.id));
  ++world_.stats().puts;
  world_.trace("{} is put on nodes {}", to_text(work.unit.id), fmt::join(work.unit.nodes, ", "));
  add_unit(work.unit.id);
  world_.checker().on_put(work.unit);
  if (work.replaces)
    remove(*work.replaces);
}

void storage_clients::remove(const keep::unit_id& unit) {
  auto* known = world_.state().find(unit);
  if (!known)
    return;
  auto record = *known;
  world_.state().remove(unit);
  world_.trace("{} is removed", to_text(unit));
  world_.checker().on_removed(record);
  auto place = place_.at(unit);
  place_[units_.back()] = place;
  units_[place] = units_.back();
  units_.pop_back();
  place_.erase(unit);
}

/// Reads a unit from the places that the state named a moment ago, which stay readable for the
/// grace time.
void storage_clients::read(const keep::unit_id& unit) {
  auto record = *world_.state().find(unit);
  auto later = random_.between(
      100, std::max<std::int64_t>(200, world_.parameters().settings.grace.count() / 2));
  world_.after(later, [this, record] {
    ++world_.stats().reads;
    for (std::uint32_t i = 0; i < record.nodes.size(); ++i)
      if (record.nodes[i] != keep::no_node &&
          world_.node(record.nodes[i]).read({record.id, i}) == storage_node::read_outcome::good)
        return;
  });
}

} // namespace atl::sim
