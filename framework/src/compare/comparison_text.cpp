#include "text_table.hpp"

#include <atoll/compare/comparison.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace atl::compare {

namespace {

/// Nodes that are listed one by one; of a larger pool, only the range.
constexpr std::size_t listed_nodes_max = 24;

/// Microseconds as milliseconds with four significant digits.
std::string ms(double microseconds) {
  if (!std::isfinite(microseconds))
    return "no end";
  auto value = microseconds / 1000;
  auto before_point = value < 1 ? 1 : static_cast<int>(std::log10(value)) + 1;
  return fmt::format("{:.{}f}", value, std::max(0, 4 - before_point));
}

std::string percent(double share) {
  return fmt::format("{:.2f} %", share * 100);
}

std::string latency_table(const comparison& it) {
  text_table out;
  out.row({"LATENCY, ms", "mean", "+-", "p50", "p90", "p99", "p99.9", "max", "mean of nodes"});
  for (auto& each : it.strategies) {
    auto& latency = each.latency;
    if (each.answered == 0) {
      out.row({each.label, "none answered"});
      continue;
    }
    out.row({each.label, ms(latency.mean), ms(latency.mean_error), ms(latency.p50), ms(latency.p90),
             ms(latency.p99), ms(latency.p999), ms(latency.max), ms(each.mean_of_nodes)});
  }
  return out.text();
}

std::string theory_table(const comparison& it) {
  if (!it.theory.why_none.empty())
    return fmt::format("No closed form: {}.\n", it.theory.why_none);
  text_table out{true};
  out.row({"THEORY, ms", "mean", "p99", "formula"});
  for (auto& form : it.theory.forms) {
    auto mean = ms(form.mean);
    if (form.mean_max)
      mean += " to " + ms(*form.mean_max);
    out.row({form.name, mean, form.p99 ? ms(*form.p99) : "", form.formula});
  }
  return out.text();
}

std::string request_table(const comparison& it) {
  text_table out;
  out.row({"REQUESTS", "answered", "failed", "rejected", "retries", "probes", "plugin errors"});
  for (auto& each : it.strategies)
    out.row({each.label, std::to_string(each.answered), std::to_string(each.failed),
             std::to_string(each.rejected), std::to_string(each.retries),
             std::to_string(each.probes), std::to_string(each.plugin_errors)});
  auto text = out.text();
  for (auto& each : it.strategies)
    if (!each.first_error.empty())
      text += fmt::format("first error with {}: {}\n", each.label, each.first_error);
  return text;
}

/// A column for each strategy: what each node got and how busy it was.
std::string node_table(const comparison& it) {
  text_table out;
  std::vector<std::string> header{"SHARE, UTILISATION"};
  for (auto& each : it.strategies)
    header.push_back(each.label);
  out.row(header);
  if (it.model.members.size() <= listed_nodes_max)
    for (std::size_t node = 0; node < it.model.members.size(); ++node) {
      std::vector<std::string> row{fmt::format("node {}", node + 1)};
      for (auto& each : it.strategies)
        row.push_back(fmt::format("{} {:5.1f} %", percent(each.nodes[node].share),
                                  each.nodes[node].utilisation * 100));
      out.row(row);
    }
  auto extreme = [&](std::string name, auto choose) {
    std::vector<std::string> row{std::move(name)};
    for (auto& each : it.strategies) {
      auto node = choose(each.nodes.begin(), each.nodes.end(),
                         [](auto& a, auto& b) { return a.share < b.share; });
      row.push_back(fmt::format("{} {:5.1f} %", percent(node->share), node->utilisation * 100));
    }
    out.row(row);
  };
  extreme("least share", [](auto... all) { return std::min_element(all...); });
  extreme("largest share", [](auto... all) { return std::max_element(all...); });
  return out.text();
}

std::string moves_table(const comparison& it) {
  // A run ends with its last request, which may be before a change that other runs have reached.
  auto& longest =
      std::max_element(it.strategies.begin(), it.strategies.end(), [](auto& a, auto& b) {
        return a.moves.size() < b.moves.size();
      })->moves;
  if (longest.empty())
    return {};
  text_table out;
  std::vector<std::string> header{"KEYS MOVED", "must move"};
  for (auto& each : it.strategies)
    header.push_back(each.label);
  out.row(header);
  for (std::size_t i = 0; i < longest.size(); ++i) {
    std::vector<std::string> row{fmt::format("{} join, {} leave at {:.1f} s", longest[i].joined,
                                             longest[i].left, longest[i].at / 1e6),
                                 percent(longest[i].least)};
    for (auto& each : it.strategies)
      row.push_back(i >= each.moves.size() ? "not reached"
                    : each.moves[i].moved  ? percent(*each.moves[i].moved)
                                           : "not kept");
    out.row(row);
  }
  return out.text() + '\n';
}

} // namespace

std::string to_text(const comparison& it) {
  auto& model = it.model;
  return fmt::format("{}: {} members, load {:.3f}, {} requests of {} ms, {:.0f} % of them as "
                     "warm-up, seed {}\n\n",
                     model.name, model.members.size(), model.load(), model.requests,
                     ms(model.service.mean), model.warmup * 100, it.seed) +
         latency_table(it) + '\n' + theory_table(it) + '\n' + request_table(it) + '\n' +
         moves_table(it) + node_table(it);
}

std::string to_text(const availability_comparison& it) {
  text_table out{true};
  out.row({"REPLICAS", "write all", "majority", "naive (n-f)/n", "protocol", "measured",
           "writes commit with so many down"});
  for (auto& each : it.measured) {
    std::string commits;
    for (auto& down : each.by_down)
      commits += fmt::format("{}{}:{}/{}", commits.empty() ? "" : " ", down.down, down.committed,
                             down.tried);
    out.row({std::to_string(each.replicas),
             fmt::format("{:.6f}", write_all_availability(each.replicas, it.down)),
             fmt::format("{:.6f}", majority_availability(each.replicas, it.down)),
             fmt::format("{:.6f}", naive_availability(it.down)), each.protocol,
             fmt::format("{:.6f}", each.probability(it.down)), commits});
  }
  return fmt::format("probability that a write succeeds, each replica down with probability {}\n\n",
                     it.down) +
         out.text();
}

} // namespace atl::compare
