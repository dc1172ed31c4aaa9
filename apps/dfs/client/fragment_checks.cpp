#include "client/fragment_checks.hpp"

#include "common/chunk_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <span>

namespace dfs {

namespace {

using atl::spi::fragment_state;

/// A node reads a whole fragment before it answers.
constexpr std::chrono::seconds answer_timeout{60};

} // namespace

atl::result<fragment_checks> fragment_checks::open(const cluster_settings& cluster,
                                                   control& masters) {
  auto info = masters.cluster_info();
  if (!info)
    return tl::unexpected{info.error()};
  bulk_options options;
  options.self.cluster = cluster.name;
  options.self.role = "client";
  options.secret = cluster.secret;
  options.timeouts.connect = std::chrono::ceil<std::chrono::milliseconds>(cluster.connect_timeout);
  options.timeouts.progress = answer_timeout;
  fragment_checks made;
  for (auto& view : info->storages)
    made.nodes_[view.target.id] = {view.target.name, view.healthy,
                                   std::make_unique<bulk_connection>(view.target.bulk, options)};
  return made;
}

std::vector<atl::spi::fragment_report> fragment_checks::check(const chunk_record& chunk,
                                                              fragment_findings& found, depth how) {
  std::vector<atl::spi::fragment_report> reports;
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index) {
    auto at = chunk.nodes[index];
    auto state = check_fragment({chunk.id, index}, at, found, how);
    if (at != no_storage)
      reports.push_back({index, at, state});
  }
  return reports;
}

void fragment_checks::compare(const chunk_record& chunk, const atl::spi::recovery& scheme,
                              std::vector<atl::spi::fragment_report>& reports,
                              fragment_findings& found) {
  std::string whole(chunk.size_bytes, '\0');
  chunk_decoder decoder{scheme, chunk, whole};
  std::map<std::uint32_t, std::span<char>> read;
  auto is_decoded = false;
  for (auto& report : reports) {
    auto known = nodes_.find(static_cast<storage_id>(report.node));
    if (report.state != fragment_state::ok || known == nodes_.end())
      continue;
    auto into = decoder.buffer_for(report.index);
    auto bytes = known->second.connection->read_whole_fragment({chunk.id, report.index},
                                                               std::as_writable_bytes(into));
    if (!bytes || *bytes != into.size())
      continue;
    read[report.index] = into;
    is_decoded = is_decoded || decoder.add(report.index);
  }
  if (!is_decoded && decoder.wrong_combinations() > 0) {
    found.damaged.push_back(fmt::format("what the fragments of chunk {} decode to doesn't have its "
                                        "checksum, and which of them are wrong can't be told",
                                        to_string(chunk.id)));
    for (auto& report : reports)
      if (read.contains(report.index))
        report.state = fragment_state::corrupt;
  }
  if (!is_decoded)
    return;
  std::string scratch;
  auto fragments = scheme.encode(whole, scratch);
  for (auto& report : reports) {
    auto bytes = read.find(report.index);
    if (bytes == read.end() || report.index >= fragments.size() ||
        std::ranges::equal(bytes->second, fragments[report.index]))
      continue;
    auto& node = nodes_.at(static_cast<storage_id>(report.node));
    auto crcs = block_crcs(std::as_bytes(std::span{fragments[report.index]}));
    auto told = node.connection->report_damage({chunk.id, report.index}, contents_crc(crcs));
    report.state = fragment_state::corrupt;
    found.damaged.push_back(fmt::format(
        "fragment {} on {} is wrong although its checksums are right, {}",
        to_string(fragment_key{chunk.id, report.index}), node.name,
        told ? "and is moved aside" : "and couldn't be moved aside: " + told.error().message));
  }
}

/// Reads a fragment's first byte, and with it the footer and a block.
bool fragment_checks::begins_well(bulk_connection& node, const fragment_key& key) {
  std::byte first{};
  auto read = node.read_fragment(key, 0, {&first, 1});
  return read.has_value();
}

fragment_state fragment_checks::check_fragment(const fragment_key& key, storage_id at,
                                               fragment_findings& found, depth how) {
  auto name = fmt::format("fragment {}", to_string(key));
  auto known = nodes_.find(at);
  if (at == no_storage || known == nodes_.end()) {
    found.unknown.push_back(name + " is on no node that is known");
    return fragment_state::missing;
  }
  auto where = fmt::format("{} on {}", name, known->second.name);
  if (!known->second.is_up) {
    found.unknown.push_back(where + ": the node is down");
    return fragment_state::unreachable;
  }
  auto& connection = *known->second.connection;
  if (how == depth::presence && begins_well(connection, key)) {
    ++found.fragments;
    return fragment_state::ok;
  }
  // The node looks itself, and tells the masters what it finds.
  auto intact = connection.report_damage(key);
  if (!intact && intact.error().code == atl::errc::not_found) {
    found.damaged.push_back(where + " is gone");
    return fragment_state::missing;
  }
  if (!intact) {
    found.unknown.push_back(fmt::format("{}: {}", where, intact.error().message));
    return fragment_state::unreachable;
  }
  ++found.fragments;
  if (*intact)
    return fragment_state::ok;
  found.damaged.push_back(where + " was damaged, and is moved aside");
  return fragment_state::corrupt;
}

} // namespace dfs
