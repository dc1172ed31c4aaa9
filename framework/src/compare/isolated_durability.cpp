#include "child_tasks.hpp"

#include <atoll/compare/durability_comparison.hpp>

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

namespace atl::compare {

namespace {

static_assert(std::is_trivially_copyable_v<durability_figures>);

/// The first byte says whether figures or an error follow: its code, and its message.
std::string to_bytes(const result<durability_figures>& outcome) {
  auto bytes_of = [](const auto& it) {
    return std::string{reinterpret_cast<const char*>(&it), sizeof it};
  };
  return outcome ? 'y' + bytes_of(*outcome)
                 : 'n' + bytes_of(outcome.error().code) + outcome.error().message;
}

result<durability_figures> from_bytes(const std::string& bytes) {
  if (bytes.front() == 'n') {
    error problem;
    std::memcpy(&problem.code, bytes.data() + 1, sizeof problem.code);
    problem.message = bytes.substr(1 + sizeof problem.code);
    return tl::unexpected{problem};
  }
  durability_figures out;
  std::memcpy(&out, bytes.data() + 1, sizeof out);
  return out;
}

} // namespace

result<std::vector<durability_result>>
measure_isolated(const durability_model& model, const std::vector<recovery_strategy>& strategies,
                 std::uint64_t seed, unsigned processes, std::chrono::seconds limit,
                 const keeper_options& keeper) {
  std::vector<child_task> tasks;
  for (auto& each : strategies)
    tasks.push_back({fmt::format("the recovery plugin '{}'", each.plugin), each.label,
                     [&](const std::function<void()>& on_progress) {
                       return to_bytes(measure_durability(model, each, seed, keeper, on_progress));
                     }});
  auto outcomes = run_child_tasks(tasks, processes, limit);
  if (!outcomes)
    return tl::unexpected{outcomes.error()};
  std::vector<durability_result> results;
  for (std::size_t i = 0; i < strategies.size(); ++i) {
    auto figures = from_bytes((*outcomes)[i]);
    if (!figures)
      return tl::unexpected{figures.error()};
    results.push_back({strategies[i].label, *figures});
  }
  return results;
}

} // namespace atl::compare
