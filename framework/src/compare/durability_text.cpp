#include "text_table.hpp"

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <cmath>

namespace atl::compare {

namespace {

std::string percent(double share) {
  return fmt::format("{:.4g} %", share * 100);
}

std::string years_text(double years) {
  return fmt::format("{:g} year{}", years, years == 1 ? "" : "s");
}

std::string duration_text(double seconds) {
  return format_duration(std::chrono::microseconds{std::llround(seconds * 1e6)});
}

std::string heading(const durability_comparison& it) {
  auto& model = it.model;
  auto spread = model.spread == chunk_spread::random
                    ? std::string{"at random"}
                    : fmt::format("over copysets of scatter width {}", model.scatter_width);
  return fmt::format("{}: {} nodes in {} zones, {} chunks of {} spread {}\n"
                     "a node fails after {} on average, is detected after {}, and receives {} a "
                     "second for repairs; {} runs of {}, seed {}\n\n",
                     model.name, model.nodes, model.zones, model.chunks,
                     format_size(static_cast<std::int64_t>(model.chunk_bytes)), spread,
                     duration_text(model.node_mttf), duration_text(model.detection),
                     format_size(std::llround(model.repair_rate)), model.runs,
                     years_text(model.years), it.seed);
}

std::string loss_table(const durability_comparison& it) {
  text_table out;
  out.row({"LOSS in " + years_text(it.model.years), "fragments", "survives", "chunk MTTDL, years",
           "one chunk", "fatal sets", "any chunk", "measured", "95 % from", "to", "chunks lost"});
  for (auto& each : it.schemes) {
    auto& [shape, needed, min_write, more, costs, form, counts] = each.figures;
    auto interval = wilson_interval(counts.runs_with_loss, counts.runs);
    out.row({each.label, fmt::format("{} of {}", needed, shape.fragments),
             std::to_string(shape.survives),
             fmt::format("{:.4g}", form.chunk_mean_time / seconds_of_year),
             percent(form.chunk_loss), fmt::format("{:.4g}", form.fatal_sets), percent(form.loss),
             fmt::format("{} of {}", counts.runs_with_loss, counts.runs), percent(interval.low),
             percent(interval.high), std::to_string(counts.chunks_lost)});
  }
  return out.text();
}

/// The share of the failures of nodes with which nothing was lost.
std::string measured_recovery(const durability_counts& counts) {
  return counts.failures == 0
             ? "no failure"
             : fmt::format("{:.8f}", 1 - static_cast<double>(counts.fatal_failures) /
                                             static_cast<double>(counts.failures));
}

std::string recovery_table(const durability_comparison& it) {
  text_table out;
  out.row({"P(RECOVERED)", "one node: 1 - P(fail)", "one chunk", "all chunks", "after a failure",
           "measured", "failures"});
  for (auto& each : it.schemes) {
    auto& form = each.figures.form;
    out.row(
        {each.label,
         fmt::format("{:.8f}", 1 - loss_probability(it.model.node_mttf, it.model.run_seconds())),
         fmt::format("{:.8f}", 1 - form.chunk_loss), fmt::format("{:.8f}", 1 - form.loss),
         fmt::format("{:.8f}", form.recovered), measured_recovery(each.figures.counts),
         std::to_string(each.figures.counts.failures)});
  }
  return out.text();
}

std::string write_table(const durability_comparison& it) {
  auto down = down_probability(it.model);
  text_table out;
  out.row({"P(SUCCEED)", "one node: 1 - P(abort)", "a write needs", "succeeds"});
  for (auto& each : it.schemes) {
    auto all = each.figures.shape.fragments;
    auto needed = each.figures.min_write;
    out.row({each.label, fmt::format("{:.8f}", 1 - down), fmt::format("{} of {}", needed, all),
             fmt::format("{:.8f}", enough_up_probability(all, needed, down))});
  }
  return out.text();
}

std::string cost_text(double bytes_a_byte) {
  return std::isfinite(bytes_a_byte) ? fmt::format("{:.2f}", bytes_a_byte) : "no way";
}

std::string cost_table(const durability_comparison& it) {
  text_table out;
  out.row({"BYTES a byte", "stored", "rebuild", "GiB repaired a year", "read 4 KiB", "one away",
           "most away", "read chunk", "one away", "most away"});
  for (auto& each : it.schemes) {
    auto& costs = each.figures.costs;
    auto years = it.model.years * static_cast<double>(each.figures.counts.runs);
    out.row({each.label, cost_text(costs.stored), cost_text(costs.rebuild_reads),
             fmt::format("{:.1f}", each.figures.counts.rebuilt_bytes / years / (1 << 30)),
             cost_text(costs.small_read.whole), cost_text(costs.small_read.one_away),
             cost_text(costs.small_read.most_away), cost_text(costs.chunk_read.whole),
             cost_text(costs.chunk_read.one_away), cost_text(costs.chunk_read.most_away)});
  }
  return out.text();
}

/// What the formulas leave out.
std::string notes(const durability_comparison& it) {
  std::string out =
      "P(recover) = 1 - P(fail) holds for one fragment without repair, with P(fail) of its node. "
      "A chunk is lost only\nif more fragments than it survives fail before one is rebuilt, a "
      "cluster if any of its chunks is.\n"
      "P(succeed) = 1 - P(abort) holds for a write to one node. A write that needs w of n nodes "
      "has the tail of the\nbinomial distribution: the more it needs, the less likely it "
      "succeeds.\n"
      "All formulas, and the runs, let nodes fail independently of each other. A zone without "
      "power, or disks of one\nbad batch, lose more.\n";
  for (auto& each : it.schemes) {
    auto more = each.figures.survives_more;
    if (more > 0)
      out += fmt::format("{} survives {} of all sets of {} losses as well: the formula counts all "
                         "as fatal, the runs ask the plugin.\n",
                         each.label, percent(more), each.figures.shape.survives + 1);
  }
  return out;
}

} // namespace

std::string to_text(const durability_comparison& it) {
  return heading(it) + loss_table(it) + '\n' + recovery_table(it) + '\n' + write_table(it) + '\n' +
         cost_table(it) + '\n' + notes(it);
}

} // namespace atl::compare
