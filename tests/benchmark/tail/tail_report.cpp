#include "tail_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

namespace {

using choice = std::function<bool(const tail_row&)>;
using figure = double tail_row::*;

/// A proxy that fails more than a thousandth of the requests is not the best one, however fast.
bool is_sound(const tail_row& row) {
  return row.errors * 1000 <= row.requests;
}

const tail_row* best(const std::vector<tail_row>& rows, figure by, const choice& among) {
  const tail_row* found = nullptr;
  for (auto& row : rows)
    if (among(row) && is_sound(row) && (found == nullptr || row.*by < found->*by))
      found = &row;
  return found;
}

bool is_haproxy(const tail_row& row) {
  return !row.is_ours;
}

double median(const std::vector<load_outcome>& runs, double part) {
  std::vector<double> values;
  for (auto& run : runs)
    values.push_back(run.percentile(part));
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print_rows(const std::string& scenario, const std::vector<tail_row>& rows) {
  fmt::print("\n{:<44} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}\n", scenario, "p50 ms", "p99 ms",
             "p99.9 ms", "max ms", "errors", "requests");
  for (auto& row : rows)
    fmt::print("  {:<42} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>8} {:>8}\n", row.proxy, row.p50_ms,
               row.p99_ms, row.p999_ms, row.max_ms, row.errors, row.requests);
}

nlohmann::json to_json(const tail_row& row) {
  return {{"proxy", row.proxy},   {"requests", row.requests}, {"errors", row.errors},
          {"p50_ms", row.p50_ms}, {"p99_ms", row.p99_ms},     {"p999_ms", row.p999_ms},
          {"max_ms", row.max_ms}};
}

} // namespace

tail_row make_row(std::string proxy, bool is_ours, bool hedges,
                  const std::vector<load_outcome>& runs) {
  tail_row row;
  row.proxy = std::move(proxy);
  row.is_ours = is_ours;
  row.hedges = hedges;
  for (auto& run : runs) {
    row.requests += run.latencies_ms.size();
    row.errors += run.errors;
  }
  row.p50_ms = median(runs, 0.5);
  row.p99_ms = median(runs, 0.99);
  row.p999_ms = median(runs, 0.999);
  row.max_ms = median(runs, 1);
  return row;
}

nlohmann::json report_scenario(const std::string& scenario, const std::vector<tail_row>& rows) {
  print_rows(scenario, rows);
  nlohmann::json all{{"scenario", scenario}, {"rows", nlohmann::json::array()}};
  for (auto& row : rows)
    all["rows"].push_back(to_json(row));
  struct comparison {
    const char* what;
    const char* key;
    figure by;
    choice ours;
  };
  auto any = [](const tail_row& row) { return row.is_ours; };
  auto without_hedges = [](const tail_row& row) { return row.is_ours && !row.hedges; };
  for (auto& it : {comparison{"best p99", "p99_ratio", &tail_row::p99_ms, any},
                   comparison{"best p99, no hedges", "p99_ratio_without_hedges", &tail_row::p99_ms,
                              without_hedges},
                   comparison{"best p99.9", "p999_ratio", &tail_row::p999_ms, any}}) {
    auto* ours = best(rows, it.by, it.ours);
    auto* theirs = best(rows, it.by, is_haproxy);
    if (ours == nullptr || theirs == nullptr)
      continue;
    auto ratio = ours->*it.by / theirs->*it.by;
    fmt::print("  {:<20} {:>5.2f} = {:.2f} ms ({}) / {:.2f} ms ({})\n", it.what, ratio,
               ours->*it.by, ours->proxy, theirs->*it.by, theirs->proxy);
    all[it.key] = ratio;
  }
  std::fflush(stdout);
  return all;
}
