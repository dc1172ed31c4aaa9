#include "contains.hpp"
#include "fake_strategies.hpp"

#include <atoll/compare/comparison.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace atl::compare;

namespace {

comparison compare(workload model) {
  comparison out{model, 3, {}, closed_forms(model)};
  for (auto& each : {fakes::random_strategy, fakes::key_hash, fakes::throwing}) {
    auto result = run_queueing(model, each, 3);
    REQUIRE(result);
    out.strategies.push_back(std::move(*result));
  }
  return out;
}

workload small_workload() {
  auto it = fakes::simple_workload(3);
  it.name = "small <one>";
  it.requests = 2'000;
  it.members[2].leaves = 1e6;
  return it;
}

} // namespace

TEST_CASE("the text has a line for each strategy in each table") {
  auto text = to_text(compare(small_workload()));
  CHECK(text.starts_with("small <one>: 3 members, load 0.700, 2000 requests of 10.00 ms, 10 % of "
                         "them as warm-up, seed 3\n\nLATENCY, ms "));
  CHECK(contains(text, "\nuniform "));
  CHECK(contains(text, "\nNo closed form: members join or leave.\n"));
  CHECK(contains(text, "\n0 join, 1 leave at 1.0 s    33.33 %  not kept  "));
  CHECK(contains(text, "first error with thrower: "));
  CHECK(contains(text, "\nnode 3 "));
  auto cut = compare(small_workload());
  cut.strategies[0].moves.clear();
  CHECK(contains(to_text(cut), "33.33 %  not reached  "));
  auto model = fakes::simple_workload(30);
  model.requests = 2'000;
  auto large = to_text(compare(model));
  CHECK_FALSE(contains(large, "\nnode 3 "));
  CHECK(contains(large, "\nlargest share "));
  CHECK(contains(large, "\none queue for all "));
}

TEST_CASE("a strategy that answers nothing is told as that") {
  auto model = small_workload();
  for (auto& member : model.members)
    member.fails = 1;
  auto it = compare(model);
  CHECK(contains(to_text(it), "none answered"));
  CHECK(nlohmann::json::parse(to_json(it))["strategies"][0]["latency_us"].is_null());
  CHECK(latency_chart(it).ends_with("</svg>\n"));
}

TEST_CASE("the JSON has all numbers of the result") {
  auto it = compare(small_workload());
  auto json = nlohmann::json::parse(to_json(it));
  CHECK(json["schema"] == "atoll.compare/1");
  CHECK(json["workload"]["members"] == 3);
  CHECK(json["seed"] == 3);
  REQUIRE(json["strategies"].size() == 3);
  auto& first = json["strategies"][0];
  auto& result = it.strategies[0];
  CHECK(first["label"] == "uniform");
  CHECK(first["latency_us"]["p999"].get<double>() == result.latency.p999);
  CHECK(first["mean_of_nodes_us"].get<double>() == result.mean_of_nodes);
  CHECK(first["answered"] == result.answered);
  CHECK(first["nodes"][1]["requests"] == result.nodes[1].requests);
  CHECK(first["nodes"][1]["utilisation"].get<double>() == result.nodes[1].utilisation);
  CHECK(first["moves"][0]["moved"].is_null());
  CHECK(json["strategies"][1]["moves"][0]["moved"].get<double>() > 0.2);
  CHECK(json["strategies"][2]["plugin_errors"] == result.answered / 0.9 / 2);
  CHECK(json["why_no_theory"] == "members join or leave");
}

TEST_CASE("a mean that has no end is null in JSON, and words in the text") {
  auto model = fakes::simple_workload(2);
  model.requests = 100;
  model.members[1].slow = 100;
  model.arrivals.rate = 0.7 * model.capacity();
  auto it = compare(model);
  CHECK(contains(to_text(it), "no end"));
  CHECK(nlohmann::json::parse(to_json(it))["theory"][0]["mean_us"].is_null());
}

TEST_CASE("the chart has a line and a label for each strategy, and escapes texts") {
  auto it = compare(small_workload());
  auto chart = latency_chart(it);
  for (auto part : {"small &lt;one&gt;", ">uniform<", ">by_key<", "<path class=\"s0\" d=\"M",
                    "<path class=\"s1\" d=\"M", ">100 ms<", ">0.1 %<"})
    CHECK_MESSAGE(contains(chart, part), part);
  CHECK(chart == latency_chart(it));
}

TEST_CASE("the chart of many strategies gives each a style of its own, and holds all labels") {
  auto it = compare(small_workload());
  it.strategies.resize(24, it.strategies[0]);
  auto chart = latency_chart(it);
  for (auto part : {"class=\"s0\" d=", "class=\"s0 dashed\" d=", "class=\"s7 dotted\" d=",
                    "viewBox=\"0 0 860 502\""})
    CHECK_MESSAGE(contains(chart, part), part);
  it.strategies.resize(3);
  CHECK(contains(latency_chart(it), "viewBox=\"0 0 860 480\""));
}

TEST_CASE("availability is told in text and JSON") {
  availability_comparison it{0.1, 1, {{"raft", 3, {{0, 1, 1}, {1, 3, 3}, {2, 3, 0}, {3, 1, 0}}}}};
  auto text = to_text(it);
  CHECK(contains(text, "0.729000  0.972000"));
  CHECK(contains(text, "0.900000"));
  CHECK(contains(text, "0:1/1 1:3/3 2:0/3 3:0/1"));
  auto json = nlohmann::json::parse(to_json(it));
  CHECK(json["schema"] == "atoll.availability/1");
  CHECK(json["groups"][0]["measured"].get<double>() == doctest::Approx(0.972));
  CHECK(json["groups"][0]["by_down"][1]["committed"] == 3);
  CHECK(json["groups"][0]["by_down"][1]["naive"].get<double>() == doctest::Approx(2.0 / 3));
}
