#include <atoll/compare/durability_comparison.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace atl::compare {

namespace {

using nlohmann::json;

/// JSON has no infinity: null.
json number(double value) {
  return std::isfinite(value) ? json(value) : json();
}

json to_value(const durability_model& it) {
  return {{"name", it.name},
          {"nodes", it.nodes},
          {"zones", it.zones},
          {"chunks", it.chunks},
          {"chunk_bytes", it.chunk_bytes},
          {"spread", it.spread == chunk_spread::random ? "random" : "copysets"},
          {"scatter_width", it.spread == chunk_spread::random ? json() : json(it.scatter_width)},
          {"node_mttf_s", it.node_mttf},
          {"zone_mttf_s", it.zone_mttf > 0 ? json(it.zone_mttf) : json()},
          {"zone_outage_s", it.zone_outage > 0 ? json(it.zone_outage) : json()},
          {"detection_s", it.detection},
          {"repair_rate", it.repair_rate},
          {"balancer", it.balancer},
          {"years", it.years}};
}

json to_value(const durability_form& it) {
  return {{"chunk_mttdl_years", it.chunk_mean_time / seconds_of_year},
          {"chunk_loss", it.chunk_loss},
          {"fatal_sets", it.fatal_sets},
          {"loss", it.loss},
          {"recovered", it.recovered},
          {"node_rebuild_s", it.node_rebuild}};
}

json to_value(const durability_counts& it, double years) {
  auto interval = wilson_interval(it.runs_with_loss, it.runs);
  auto runs = static_cast<double>(it.runs);
  return {{"runs", it.runs},
          {"runs_with_loss", it.runs_with_loss},
          {"loss", static_cast<double>(it.runs_with_loss) / runs},
          {"loss_low", interval.low},
          {"loss_high", interval.high},
          {"chunks_lost", it.chunks_lost},
          {"failures", it.failures},
          {"zone_failures", it.zone_failures},
          {"fatal_failures", it.fatal_failures},
          {"recovered", it.failures == 0 ? json()
                                         : json(1 - static_cast<double>(it.fatal_failures) /
                                                        static_cast<double>(it.failures))},
          {"repair_bytes_a_year", it.rebuilt_bytes / (runs * years)}};
}

json to_value(const keeper_counts& it) {
  if (it.runs == 0)
    return {};
  auto interval = wilson_interval(it.runs_with_loss, it.runs);
  return {{"runs", it.runs},
          {"runs_with_loss", it.runs_with_loss},
          {"loss", static_cast<double>(it.runs_with_loss) / static_cast<double>(it.runs)},
          {"loss_low", interval.low},
          {"loss_high", interval.high},
          {"chunks_lost", it.chunks_lost},
          {"windows", it.windows},
          {"simulated", it.simulated},
          {"cut", it.cut},
          {"events", it.events},
          {"copies", it.copies},
          {"shortened", it.is_shortened},
          {"first_loss", it.first_loss.run == 0 ? json()
                                                : json(fmt::format("{}:{}", it.first_loss.run,
                                                                   it.first_loss.window))}};
}

json to_value(const read_costs& it) {
  return {{"whole", number(it.whole)},
          {"one_away", number(it.one_away)},
          {"most_away", number(it.most_away)}};
}

json to_value(const recovery_costs& it) {
  return {{"stored", it.stored},
          {"rebuild_reads", number(it.rebuild_reads)},
          {"small_read", to_value(it.small_read)},
          {"chunk_read", to_value(it.chunk_read)}};
}

json to_value(const durability_result& it, const durability_model& model) {
  auto& figures = it.figures;
  return {{"label", it.label},
          {"fragments", figures.shape.fragments},
          {"needed", figures.needed},
          {"survives", figures.shape.survives},
          {"survives_more", figures.survives_more < 0 ? json() : json(figures.survives_more)},
          {"formula", to_value(figures.form)},
          {"measured", to_value(figures.counts, model.years)},
          {"keeper", to_value(figures.keeper)},
          {"agree", figures.keeper.runs == 0 ? json() : json(do_runs_agree(figures))},
          {"write",
           {{"needed", figures.min_write},
            {"succeeds", enough_up_probability(figures.shape.fragments, figures.min_write,
                                               down_probability(model))}}},
          {"cost", to_value(figures.costs)}};
}

} // namespace

std::string to_json(const durability_comparison& it) {
  json out{{"schema", "atoll.durability/1"},
           {"seed", it.seed},
           {"cluster", to_value(it.model)},
           {"plain",
            {{"node_survives", 1 - loss_probability(it.model.node_mttf, it.model.run_seconds())},
             {"node_up", 1 - down_probability(it.model)}}},
           {"schemes", json::array()}};
  for (auto& each : it.schemes)
    out["schemes"].push_back(to_value(each, it.model));
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

} // namespace atl::compare
