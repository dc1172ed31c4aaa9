#include <atoll/core/metrics.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>
#include <string>

using namespace atl;

TEST_CASE("metrics are written as Prometheus reads them") {
  metric_set metrics;
  metrics.gauge("free_bytes", "Bytes that are free.", 1.5e9, {{"disk", "a"}});
  metrics.counter("requests_total", "Requests so far.", 3);
  metrics.gauge("free_bytes", "another text", 0.25, {{"disk", "b"}, {"zone", "east"}});
  metrics.summary("latency_seconds", "Times.", {{0.5, 0.001}, {0.99, 0.02}}, 1.25, 40);
  CHECK(to_prometheus_text(metrics) == R"(# HELP free_bytes Bytes that are free.
# TYPE free_bytes gauge
free_bytes{disk="a"} 1500000000
free_bytes{disk="b",zone="east"} 0.25
# HELP requests_total Requests so far.
# TYPE requests_total counter
requests_total 3
# HELP latency_seconds Times.
# TYPE latency_seconds summary
latency_seconds{quantile="0.5"} 0.001
latency_seconds{quantile="0.99"} 0.02
latency_seconds_sum 1.25
latency_seconds_count 40
# HELP atoll_metrics_left_out Samples that the node left out, because it has too many.
# TYPE atoll_metrics_left_out gauge
atoll_metrics_left_out 0
)");
}

TEST_CASE("texts are escaped as the format demands, and can't control a terminal") {
  metric_set metrics;
  metrics.gauge("a-b", "one\ntwo \\ \"three\"", 1, {{"9x", "C:\\ \"q\"\nnext\033[0m\xff"}});
  auto text = to_prometheus_text(metrics);
  CHECK_MESSAGE(text.starts_with("# HELP a_b one\\ntwo \\\\ \"three\"\n# TYPE a_b gauge\n"
                                 "a_b{_9x=\"C:\\\\ \\\"q\\\"\\nnext\\\\x1b[0m\\\\xff\"} 1\n"),
                text);
}

TEST_CASE("values that are no numbers have the names that the format gives them") {
  metric_set metrics;
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  metrics.gauge("a", "", std::numeric_limits<double>::quiet_NaN());
  metrics.gauge("b", "", infinity);
  metrics.gauge("c", "", -infinity);
  auto text = to_prometheus_text(metrics);
  for (auto line : {"\na NaN\n", "\nb +Inf\n", "\nc -Inf\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
}

TEST_CASE("metrics arrive as they were sent, and bytes cut short are corrupt") {
  metric_set sent;
  sent.summary("latency_seconds", "Times.", {{0.5, 0.001}}, 1.25, 40, {{"role", "digger"}});
  sent.counter("requests_total", "", 3);
  auto bytes = encode(sent);
  CHECK(decode_metrics(bytes) == sent);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_metrics(std::string_view{bytes}.substr(0, size)).has_value());
  auto longer = bytes;
  longer.push_back('\0');
  CHECK_FALSE(decode_metrics(longer).has_value());
  auto with_break = bytes;
  with_break[with_break.find("latency_seconds")] = '\n'; // would begin a line of the text
  CHECK_FALSE(decode_metrics(with_break).has_value());
}

TEST_CASE("metrics beyond the bounds are left out and counted, also from a set that is added") {
  metric_set part, all;
  for (std::size_t i = 0; i < metric_set::samples_max + 2; ++i)
    part.gauge("a", "", 1, {{"i", std::to_string(i)}});
  CHECK(part.left_out() == 2);
  all.add(part, {{"role", "x"}});
  all.add(part, {{"role", "y"}});
  CHECK(all.left_out() == metric_set::samples_max + 4);
  CHECK(all.families().at(0).samples.size() == metric_set::samples_max);
  CHECK(all.families()[0].samples[1].labels == metric_labels{{"role", "x"}, {"i", "1"}});
  CHECK(decode_metrics(encode(all)) == all);
  auto text = to_prometheus_text(all);
  CHECK(text.find("\natoll_metrics_left_out 4100\n") != std::string::npos);

  metric_set families;
  for (std::size_t i = 0; i <= metric_set::families_max; ++i)
    families.gauge(fmt::format("a{}", i), "", 1);
  CHECK(families.families().size() == metric_set::families_max);
  CHECK(families.left_out() == 1);
  CHECK(decode_metrics(encode(families)) == families);

  metric_set cut;
  cut.gauge(std::string(1000, 'n'), std::string(1000, 'h'), 1,
            metric_labels(20, {"label", std::string(1000, 'v')}));
  CHECK(cut.families()[0].samples[0].labels.size() == metric_set::labels_max);
  CHECK(decode_metrics(encode(cut)) == cut);
}
