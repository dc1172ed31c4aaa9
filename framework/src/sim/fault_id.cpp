#include <atoll/sim/fault_id.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace atl::sim {

namespace {

/// The place at which faults of a kind are counted.
enum class place : std::uint8_t { sim, replica, node, client, link };

struct kind_facts {
  std::string_view name;
  place where;
  std::string_view words; ///< {0}: the number as an ordinal, {1} and {2}: the place
};

/// Indexed by `fault_kind`.
constexpr std::array<kind_facts, 44> facts{{
    {"crashes", place::sim, "the {0} crash of a replica"},
    {"batch_crashes", place::replica, "replica {1} crashes before its {0} effect"},
    {"mass_crashes", place::sim, "the {0} crash of all replicas"},
    {"loss", place::link, "the {0} message from {1} to {2} is lost"},
    {"duplication", place::link, "the {0} message from {1} to {2} arrives twice"},
    {"replays", place::link, "the {0} message from {1} to {2} arrives again later"},
    {"partitions", place::sim, "the {0} partition, or its end"},
    {"clogs", place::sim, "the {0} clogged link"},
    {"pauses", place::sim, "the {0} pause of a replica"},
    {"clock_jumps", place::sim, "the {0} jump of a clock"},
    {"disk_stalls", place::replica, "the {0} sync of replica {1} takes long"},
    {"sync_failures", place::replica, "the {0} sync of replica {1} fails"},
    {"objections", place::replica, "replica {1} rejects its {0} command"},
    {"lost_answers", place::client, "the {0} answer to client {1} is lost"},
    {"unreachable_hints", place::replica,
     "replica {1} is told for the {0} time that a peer is unreachable"},
    {"transfers", place::sim, "the {0} transfer of leadership"},
    {"member_changes", place::sim, "the {0} change of the members"},
    {"damaged_records", place::replica, "the {0} damage to records of replica {1}"},
    {"lost_disks", place::replica, "the {0} loss of the disk of replica {1}"},
    {"wiped_disks", place::sim, "the {0} disk that is wiped under its replica's id"},
    {"node_crashes", place::sim, "the {0} crash of a storage node"},
    {"flapping", place::sim, "the {0} storage node that comes and goes"},
    {"zone_losses", place::sim, "the {0} zone that is cut off"},
    {"node_deaths", place::sim, "the {0} storage node that is lost for good"},
    {"node_wipes", place::sim, "the {0} storage node that returns with an empty disk"},
    {"disk_failures", place::sim, "the {0} disk of a storage node that fails"},
    {"bit_rot", place::sim, "the {0} time that fragments rot"},
    {"full_disks", place::sim, "the {0} disk that fills up"},
    {"slow_disks", place::sim, "the {0} disk that becomes slow"},
    {"leader_changes", place::sim, "the {0} change of the keeper that leads"},
    {"batch_leader_changes", place::sim, "another keeper leads from the {0} effect on"},
    {"lost_heartbeats", place::node, "the {0} heartbeat of node {1} is lost"},
    {"lost_orders", place::node, "the {0} order to node {1} is lost"},
    {"doubled_orders", place::node, "the {0} order to node {1} arrives twice"},
    {"late_orders", place::node, "the {0} order to node {1} arrives late"},
    {"lost_results", place::node, "the {0} result from node {1} is lost"},
    {"doubled_results", place::node, "the {0} result from node {1} arrives twice"},
    {"late_results", place::node, "the {0} result from node {1} arrives late"},
    {"failed_queries", place::sim, "the {0} query of the state fails"},
    {"failed_commands", place::sim, "the {0} command to the state fails, or seems to"},
    {"client_deaths", place::client, "client {1} dies in its {0} upload"},
    {"drains", place::sim, "the {0} order to drain a node, or to stop that"},
    {"policy_changes", place::sim, "the {0} change of policy or rates"},
    {"lost_states", place::sim, "the {0} state machine that is damaged"},
}};

const kind_facts& facts_of(fault_kind kind) {
  return facts[static_cast<std::size_t>(kind)];
}

std::string ordinal(std::uint32_t number) {
  auto is_teen = number % 100 >= 11 && number % 100 <= 13;
  auto last = is_teen ? 0 : number % 10;
  return fmt::format("{}{}", number, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

/// Takes the text up to the next `end`, and removes `end` as well.
std::string_view next_part(std::string_view& text, char end) {
  auto at = text.find(end);
  auto part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || value == 0)
    return std::nullopt;
  return value;
}

constexpr std::size_t faults_max = 1'000'000;

/// Reads `3`, or `7-19`. @returns false if the text is neither, or the range is too large
bool read_range(std::string_view text, fault_id fault, std::vector<fault_id>& out) {
  auto first = number_of<std::uint32_t>(next_part(text, '-'));
  auto last = text.empty() ? first : number_of<std::uint32_t>(text);
  if (!first || !last || *last < *first || *last - *first >= faults_max - out.size())
    return false;
  for (fault.number = *first;; ++fault.number) {
    out.push_back(fault);
    if (fault.number == *last)
      return true;
  }
}

/// Reads `1` or, for a link, `1-2`.
bool read_place(std::string_view text, place what, fault_id& fault) {
  auto from = number_of<std::uint16_t>(what == place::link ? next_part(text, '-') : text);
  auto to = what == place::link ? number_of<std::uint16_t>(text) : std::uint16_t{0};
  if (!from || !to)
    return false;
  fault.from = *from;
  fault.to = *to;
  return true;
}

/// Reads `loss:1-2:17+20-25`.
bool read_group(std::string_view text, std::vector<fault_id>& out) {
  auto name = next_part(text, ':');
  auto found =
      std::find_if(facts.begin(), facts.end(), [&](auto& known) { return known.name == name; });
  if (found == facts.end())
    return false;
  fault_id fault;
  fault.kind = static_cast<fault_kind>(found - facts.begin());
  if (found->where != place::sim && !read_place(next_part(text, ':'), found->where, fault))
    return false;
  if (text.ends_with('+'))
    return false;
  do {
    if (!read_range(next_part(text, '+'), fault, out))
      return false;
  } while (!text.empty());
  return true;
}

} // namespace

std::string_view name_of(fault_kind kind) {
  return facts_of(kind).name;
}

std::string describe(const fault_id& fault) {
  return fmt::format(fmt::runtime(facts_of(fault.kind).words), ordinal(fault.number), fault.from,
                     fault.to);
}

std::string format_faults(std::vector<fault_id> faults) {
  std::sort(faults.begin(), faults.end());
  faults.erase(std::unique(faults.begin(), faults.end()), faults.end());
  std::string out;
  for (std::size_t i = 0; i < faults.size();) {
    auto& first = faults[i];
    auto same_place = [&](const fault_id& fault) {
      return fault.kind == first.kind && fault.from == first.from && fault.to == first.to;
    };
    out += fmt::format("{}{}:", out.empty() ? "" : ",", name_of(first.kind));
    if (first.from != 0)
      out += fmt::format("{}{}:", first.from, first.to != 0 ? fmt::format("-{}", first.to) : "");
    for (auto plus = ""; i < faults.size() && same_place(faults[i]); plus = "+") {
      auto end = i + 1;
      while (end < faults.size() && same_place(faults[end]) &&
             faults[end].number == faults[end - 1].number + 1)
        ++end;
      out += fmt::format("{}{}", plus, faults[i].number);
      if (end - i > 1)
        out += fmt::format("-{}", faults[end - 1].number);
      i = end;
    }
  }
  return out.empty() ? "none" : out;
}

result<std::vector<fault_id>> parse_faults(std::string_view text) {
  std::vector<fault_id> out;
  while (text != "none" && !text.empty()) {
    auto group = next_part(text, ',');
    if (!read_group(group, out))
      return fail(errc::invalid,
                  fmt::format("'{}' names no faults; they are written as in crashes:3, "
                              "batch_crashes:2:40, loss:1-2:17+20-25",
                              group));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace atl::sim
