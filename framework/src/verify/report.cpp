#include <atoll/verify/report.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace atl::verify {

namespace {

const char* name_of(verdict it) {
  return it == verdict::kept ? "kept" : it == verdict::broken ? "broken" : "skipped";
}

} // namespace

bool report::ok() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](auto& it) { return it.what == verdict::broken; });
}

std::string to_text(const report& it) {
  auto out = fmt::format("{} plugin {} {}\n", it.kind, it.plugin, it.version);
  std::size_t broken = 0;
  for (auto& each : it.findings) {
    broken += each.what == verdict::broken;
    out += fmt::format("  {:<8} {}", name_of(each.what), each.property);
    if (!each.claim.empty())
      out += fmt::format(" [{}]", each.claim);
    if (each.cases > 0)
      out += fmt::format(", {} cases", each.cases);
    out += each.detail.empty() ? "\n" : fmt::format(": {}\n", each.detail);
  }
  if (!it.coverage.empty()) {
    out += fmt::format("  of {} runs met", it.runs);
    auto comma = ' ';
    for (auto& [kind, runs] : it.coverage) {
      out += fmt::format("{}{} {}", comma == ' ' ? " " : ", ", kind, runs);
      comma = ',';
    }
    out += '\n';
  }
  if (it.events_per_second > 0)
    out += fmt::format("  {:.0f} protocol calls a second\n", it.events_per_second);
  return out + (broken == 0 ? "every promise that was tried is kept\n"
                            : fmt::format("{} promises are broken\n", broken));
}

std::string to_json(const report& it) {
  nlohmann::json out{{"plugin", it.plugin},
                     {"version", it.version},
                     {"kind", it.kind},
                     {"ok", it.ok()},
                     {"calls_per_second", it.events_per_second},
                     {"runs", it.runs},
                     {"coverage", it.coverage},
                     {"findings", nlohmann::json::array()}};
  for (auto& each : it.findings)
    out["findings"].push_back({{"property", each.property},
                               {"claim", each.claim},
                               {"verdict", name_of(each.what)},
                               {"cases", each.cases},
                               {"detail", each.detail}});
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

} // namespace atl::verify
