#include <atoll/core/metrics.hpp>
#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace atl {

namespace {

/// @param quotes whether the format escapes quotation marks here
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (auto it : printable_lines(text))
    if (it == '\n')
      out += "\\n";
    else if (it == '\\' || (quotes && it == '"'))
      (out += '\\') += it;
    else
      out += it;
  return out;
}

std::string number(double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string labels_text(const metric_labels& labels) {
  std::string text;
  for (auto& label : labels)
    text +=
        fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", label.name, escaped(label.value, true));
  return text.empty() ? text : '{' + text + '}';
}

void append(std::string& out, const metric_family& family) {
  constexpr std::string_view suffixes[] = {"", "_sum", "_count"};
  out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", family.name, escaped(family.help, false),
                     to_string(family.type));
  for (auto& sample : family.samples)
    out += fmt::format("{}{}{} {}\n", family.name, suffixes[static_cast<std::size_t>(sample.part)],
                       labels_text(sample.labels), number(sample.value));
}

} // namespace

std::string to_prometheus_text(const metric_set& metrics) {
  std::string out;
  for (auto& family : metrics.families())
    append(out, family);
  metric_set own;
  own.gauge("atoll_metrics_left_out", "Samples that the node left out, because it has too many.",
            static_cast<double>(metrics.left_out()));
  append(out, own.families().front());
  return out;
}

} // namespace atl
