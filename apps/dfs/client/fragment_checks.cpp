#include "client/fragment_checks.hpp"

#include "client/master_calls.hpp"
#include "common/chunk_decoder.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <span>

namespace dfs {

namespace {

using atl::spi::fragment_state;

/// A node reads a whole fragment before it answers.
constexpr std::chrono::seconds answer_timeout{60};

std::string fragment_name(const fragment_key& key, const std::string& node) {
  return fmt::format("fragment {} on {}", to_string(key), node);
}

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
  auto library = std::make_shared<scheme_library>(cluster.plugin_path);
  made.policies_ = std::make_shared<policies>(
      calls_to(masters), [library](auto id, const auto& what) { return library->find(id, what); },
      cluster.client_refusal_timeout);
  for (auto& view : info->storages)
    made.nodes_[view.target.id] = {view.target.name, view.healthy,
                                   std::make_unique<bulk_connection>(view.target.bulk, options)};
  return made;
}

std::vector<atl::spi::fragment_report> fragment_checks::check(const chunk_record& chunk,
                                                              fragment_findings& found, depth how) {
  std::vector<atl::spi::fragment_report> reports;
  std::vector<sound_copy> sound;
  for (std::uint32_t index = 0; index < chunk.nodes.size(); ++index) {
    auto at = chunk.nodes[index];
    auto state = check_fragment({chunk.id, index}, at, found, how, sound);
    if (at != no_storage)
      reports.push_back({index, at, state});
  }
  auto differs = [&](const sound_copy& each) { return each.content_crc != chunk.crc; };
  if (std::ranges::any_of(sound, differs) && has_copies(chunk))
    compare_copies(chunk, sound, found, reports);
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
    auto told = node.connection->check_fragment({chunk.id, report.index},
                                                atl::crc32c(fragments[report.index]));
    report.state = fragment_state::corrupt;
    found.damaged.push_back(fmt::format(
        "fragment {} on {} is wrong although its checksums are right, {}",
        to_string(fragment_key{chunk.id, report.index}), node.name,
        told ? "and is moved aside" : "and couldn't be moved aside: " + told.error().message));
  }
}

/// Is each fragment of the chunk the whole chunk?
bool fragment_checks::has_copies(const chunk_record& chunk) {
  auto by = policies_->find(chunk.policy);
  try {
    return by && (*by)->recovery->layout().identical;
  } catch (const std::exception&) {
    return false; // such a scheme can't be judged
  }
}

/// The checksum of the chunk was computed by its writer, and agreed on by the masters.
void fragment_checks::compare_copies(const chunk_record& chunk, std::span<const sound_copy> sound,
                                     fragment_findings& found,
                                     std::vector<atl::spi::fragment_report>& reports) {
  auto is_right = [&](const sound_copy& each) { return each.content_crc == chunk.crc; };
  const bool has_right = std::ranges::any_of(sound, is_right);
  for (auto& each : sound) {
    if (is_right(each))
      continue;
    fragment_key key{chunk.id, each.fragment};
    auto& node = nodes_.at(chunk.nodes[each.fragment]);
    auto where = fragment_name(key, node.name);
    auto outcome = has_right ? "" : ", and no copy has it: all are kept";
    if (has_right) {
      auto moved = node.connection->check_fragment(key, chunk.crc);
      outcome =
          moved && !moved->is_intact ? ", and is moved aside" : ", and couldn't be moved aside";
    }
    found.damaged.push_back(
        fmt::format("{} doesn't have the checksum of its chunk{}", where, outcome));
    for (auto& report : reports)
      if (report.index == each.fragment)
        report.state = fragment_state::corrupt;
  }
}

/// Reads a fragment's first byte, and with it the footer and a block.
bool fragment_checks::begins_well(bulk_connection& node, const fragment_key& key) {
  std::byte first{};
  auto read = node.read_fragment(key, 0, {&first, 1});
  return read.has_value();
}

fragment_state fragment_checks::check_fragment(const fragment_key& key, storage_id at,
                                               fragment_findings& found, depth how,
                                               std::vector<sound_copy>& sound) {
  auto known = nodes_.find(at);
  if (at == no_storage || known == nodes_.end()) {
    found.unknown.push_back(fmt::format("fragment {} is on no node that is known", to_string(key)));
    return fragment_state::missing;
  }
  auto where = fragment_name(key, known->second.name);
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
  auto condition = connection.check_fragment(key);
  if (!condition && condition.error().code == atl::errc::not_found) {
    found.damaged.push_back(where + " is gone");
    return fragment_state::missing;
  }
  if (!condition) {
    found.unknown.push_back(fmt::format("{}: {}", where, condition.error().message));
    return fragment_state::unreachable;
  }
  ++found.fragments;
  if (condition->is_intact) {
    sound.push_back({key.fragment, condition->content_crc});
    return fragment_state::ok;
  }
  found.damaged.push_back(where + " was damaged, and is moved aside");
  return fragment_state::corrupt;
}

} // namespace dfs
