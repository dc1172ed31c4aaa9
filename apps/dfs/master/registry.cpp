#include "master/registry.hpp"

#include <algorithm>
#include <cmath>

namespace dfs {

storage_registry::node& storage_registry::update(const protocol::storage_heartbeat& report,
                                                 steady_time now) {
  auto& found = nodes_[report.name];
  if (found.last.uuid != report.uuid) { // another data folder: all knowledge about the node is void
    auto reports = found.reports;
    found = node{};
    found.reports = reports;
  }
  ++found.reports;
  if (report.from_scratch || !report.changes.empty())
    ++changes_;
  if (report.from_scratch) {
    found.has.clear();
    found.listing = true;
    found.complete = false;
    found.told = found.told_digest = 0;
  }
  // Changes are meaningful only after the beginning of a complete list.
  if (found.complete || found.listing) {
    for (auto& change : report.changes) {
      fragment what{change.chunk, change.fragment, change.generation};
      found.has.erase(what); // a copy made anew has another generation
      if (change.present)
        found.has.insert(what);
      ++found.told;
      found.told_digest = protocol::add_to_digest(found.told_digest, change);
    }
    if (found.told != report.told || found.told_digest != report.told_digest)
      found.listing = found.complete = false; // a part is missing
  }
  if (found.listing && !report.more) {
    found.listing = false;
    found.complete = true;
  }
  found.last = report;
  found.last.changes.clear();
  found.last.done.clear();
  found.last.slice.reset();
  if (!std::isfinite(found.last.weight) || found.last.weight < 0)
    found.last.weight = 0;
  found.seen = now;
  return found;
}

storage_registry::node* storage_registry::find(const std::string& name) {
  auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const storage_registry::node* storage_registry::find(storage_id id) const {
  for (auto& [name, node] : nodes_)
    if (node.id == id && id != no_storage)
      return &node;
  return nullptr;
}

bool storage_registry::alive(const node& which, steady_time now) const {
  return now - which.seen <= failure_timeout_;
}

bool storage_registry::has_joined(const node& which) {
  return which.id != no_storage && !which.last.group.empty();
}

bool storage_registry::healthy(const node& which, steady_time now) const {
  return alive(which, now) && has_joined(which) && which.last.failed.empty();
}

std::vector<storage_registry::fragment>
storage_registry::next_to_look_up(node& which, std::uint64_t gc_watermark_us, std::size_t limit) {
  std::vector<fragment> list;
  auto it = which.has.upper_bound(which.examined);
  // Fragments are ordered by their chunks' times: no further fragment is below the watermark.
  while (it != which.has.end() && it->chunk.made_us < gc_watermark_us && list.size() < limit)
    list.push_back(*it++);
  which.examined = list.size() < limit || list.empty() ? fragment{} : list.back();
  return list;
}

} // namespace dfs
