#include "text_table.hpp"

#include <atoll/compare/durability_comparison.hpp>
#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <algorithm>
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

/// How zones fail; empty if they don't.
std::string zone_line(const durability_model& model) {
  if (model.zone_mttf == 0)
    return {};
  return fmt::format("a zone fails after {} on average, and {}\n", duration_text(model.zone_mttf),
                     model.zone_outage > 0
                         ? fmt::format("is away for {}", duration_text(model.zone_outage))
                         : "is lost for good");
}

std::string heading(const durability_comparison& it) {
  auto& model = it.model;
  auto spread = model.spread == chunk_spread::random
                    ? std::string{"at random"}
                    : fmt::format("over copysets of scatter width {}", model.scatter_width);
  return fmt::format("{}: {} nodes in {} zones, {} chunks of {} spread {}\n"
                     "a node fails after {} on average, is detected after {}, and receives {} a "
                     "second for repairs; {} runs of {}, seed {}\n{}\n",
                     model.name, model.nodes, model.zones, model.chunks,
                     format_size(static_cast<std::int64_t>(model.chunk_bytes)), spread,
                     duration_text(model.node_mttf), duration_text(model.detection),
                     format_size(std::llround(model.repair_rate)), model.runs,
                     years_text(model.years), it.seed, zone_line(model));
}

std::string loss_table(const durability_comparison& it) {
  text_table out;
  out.row({"LOSS in " + years_text(it.model.years), "fragments", "survives", "chunk MTTDL, years",
           "one chunk", "fatal sets", "any chunk", "measured", "95 % from", "to", "chunks lost"});
  for (auto& each : it.schemes) {
    auto& [shape, needed, min_write, more, costs, form, counts, keeper] = each.figures;
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

bool has_keeper(const durability_comparison& it) {
  return std::ranges::any_of(it.schemes, [](auto& each) { return each.figures.keeper.runs > 0; });
}

std::string share_text(std::uint64_t happened, std::uint64_t tried) {
  auto interval = wilson_interval(happened, tried);
  return fmt::format("{} ({:.4g} to {:.4g})",
                     percent(static_cast<double>(happened) / static_cast<double>(tried)),
                     interval.low * 100, interval.high * 100);
}

/// The same probability in three ways; empty if no keeper ran.
std::string keeper_table(const durability_comparison& it) {
  if (!has_keeper(it))
    return {};
  text_table out;
  out.row({"ANY CHUNK LOST", "closed form", "model, 95 %", "keeper, 95 %", "runs", "windows",
           "simulated", "chunks lost", "copies"});
  for (auto& each : it.schemes) {
    auto& counts = each.figures.counts;
    auto& keeper = each.figures.keeper;
    out.row({each.label, percent(each.figures.form.loss),
             share_text(counts.runs_with_loss, counts.runs),
             keeper.runs == 0 ? "not run" : share_text(keeper.runs_with_loss, keeper.runs),
             std::to_string(keeper.runs), std::to_string(keeper.windows),
             std::to_string(keeper.simulated), fmt::format("{:.0f}", keeper.chunks_lost),
             std::to_string(keeper.copies)});
  }
  return out.text() + '\n';
}

/// What is to be said of the keeper's runs of one scheme.
std::string keeper_notes(const durability_comparison& it, const durability_result& each) {
  auto& keeper = each.figures.keeper;
  std::string out;
  if (keeper.is_shortened)
    out += fmt::format("{}: the keeper had {} runs, which took long enough; --keeper-runs {} has "
                       "them all.\n",
                       each.label, keeper.runs, it.model.runs);
  if (keeper.cut > 0)
    out += fmt::format("{}: {} windows of the keeper were cut, because failures overlapped on and "
                       "on; it may lose more.\n",
                       each.label, keeper.cut);
  if (!do_runs_agree(each.figures))
    out += fmt::format("{}: keeper and model differ by more than chance (docs/COMPARING.md says "
                       "where they may).\n",
                       each.label);
  if (keeper.first_loss.run != 0)
    out +=
        fmt::format("{}: the keeper's first loss is in window {}:{}, which --keeper-window {}:{} "
                    "--seed {} tells event by event.\n",
                    each.label, keeper.first_loss.run, keeper.first_loss.window,
                    keeper.first_loss.run, keeper.first_loss.window, it.seed);
  return out;
}

/// What the formulas leave out of the failures of zones.
std::string zone_notes(const durability_comparison& it) {
  if (it.model.zone_mttf == 0)
    return "All formulas, and the runs, let nodes fail independently of each other. A zone without "
           "power (zone_mttf), or\ndisks of one bad batch, lose more.\n";
  std::string out = "The formulas let nodes fail independently of each other, and no zone at all: "
                    "what the runs lose besides, they lose\nwith zones.\n";
  for (auto& each : it.schemes) {
    auto& shape = each.figures.shape;
    auto held = fragments_in_zone(shape.fragments, it.model.zones, shape.per_domain_max);
    if (held > shape.survives && it.model.zone_outage == 0)
      out += fmt::format("{}: a zone may hold {} fragments of a chunk, and {} losses are survived: "
                         "each loss of a zone may lose chunks.\n",
                         each.label, held, shape.survives);
  }
  return out;
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
      "succeeds.\n";
  out += zone_notes(it);
  for (auto& each : it.schemes) {
    out += keeper_notes(it, each);
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
  return heading(it) + loss_table(it) + '\n' + keeper_table(it) + recovery_table(it) + '\n' +
         write_table(it) + '\n' + cost_table(it) + '\n' + notes(it);
}

} // namespace atl::compare
