#include <atoll/compare/comparison.hpp>

#include <nlohmann/json.hpp>

#include <cmath>

namespace atl::compare {

namespace {

using nlohmann::json;

/// JSON has no infinity: null.
json number(double value) {
  return std::isfinite(value) ? json(value) : json();
}

json to_value(const latency_summary& it) {
  return {{"mean", it.mean}, {"mean_error", it.mean_error},
          {"p50", it.p50},   {"p90", it.p90},
          {"p99", it.p99},   {"p999", it.p999},
          {"max", it.max}};
}

json to_value(const strategy_result& it) {
  json out{{"label", it.label},
           {"latency_us", it.answered == 0 ? json() : to_value(it.latency)},
           {"mean_of_nodes_us", it.answered == 0 ? json() : json(it.mean_of_nodes)},
           {"answered", it.answered},
           {"failed", it.failed},
           {"rejected", it.rejected},
           {"retries", it.retries},
           {"probes", it.probes},
           {"plugin_errors", it.plugin_errors},
           {"first_error", it.first_error},
           {"nodes", json::array()},
           {"moves", json::array()}};
  for (auto& node : it.nodes)
    out["nodes"].push_back({{"id", node.id},
                            {"requests", node.requests},
                            {"share", node.share},
                            {"utilisation", node.utilisation},
                            {"mean_latency_us", node.mean_latency},
                            {"failed", node.failed}});
  for (auto& move : it.moves)
    out["moves"].push_back({{"at_us", move.at},
                            {"joined", move.joined},
                            {"left", move.left},
                            {"moved", move.moved ? json(*move.moved) : json()},
                            {"least", move.least}});
  return out;
}

std::string dump(const json& it) {
  return it.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace

std::string to_json(const comparison& it) {
  json out{{"schema", "atoll.compare/1"},
           {"workload",
            {{"name", it.model.name},
             {"members", it.model.members.size()},
             {"load", it.model.load()},
             {"requests", it.model.requests},
             {"mean_service_us", it.model.service.mean}}},
           {"seed", it.seed},
           {"strategies", json::array()},
           {"theory", json::array()},
           {"why_no_theory", it.theory.why_none}};
  for (auto& each : it.strategies)
    out["strategies"].push_back(to_value(each));
  for (auto& form : it.theory.forms)
    out["theory"].push_back({{"name", form.name},
                             {"formula", form.formula},
                             {"mean_us", number(form.mean)},
                             {"mean_max_us", form.mean_max ? number(*form.mean_max) : json()},
                             {"p99_us", form.p99 ? json(*form.p99) : json()}});
  return dump(out);
}

std::string to_json(const availability_comparison& it) {
  json out{{"schema", "atoll.availability/1"},
           {"down", it.down},
           {"seed", it.seed},
           {"groups", json::array()}};
  for (auto& each : it.measured) {
    json group{{"protocol", each.protocol},
               {"replicas", each.replicas},
               {"measured", each.probability(it.down)},
               {"write_all", write_all_availability(each.replicas, it.down)},
               {"majority", majority_availability(each.replicas, it.down)},
               {"naive", naive_availability(it.down)},
               {"by_down", json::array()}};
    for (auto& down : each.by_down)
      group["by_down"].push_back(
          {{"down", down.down},
           {"tried", down.tried},
           {"committed", down.committed},
           {"all_tried", down.all_tried},
           {"naive", 1 - static_cast<double>(down.down) / static_cast<double>(each.replicas)}});
    out["groups"].push_back(std::move(group));
  }
  return dump(out);
}

} // namespace atl::compare
