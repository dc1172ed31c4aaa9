#include "contains.hpp"
#include "fake_scheme.hpp"

#include <atoll/compare/durability_comparison.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace atl::compare;
using doctest::Approx;

namespace {

recovery_strategy threshold(std::string label, std::uint32_t total, std::uint32_t needed) {
  return {std::move(label), "fake", [=]() -> atl::result<std::shared_ptr<atl::spi::recovery>> {
            return std::make_shared<fakes::threshold_scheme>(total, needed);
          }};
}

durability_comparison compare() {
  durability_comparison out;
  out.model.name = "small <one>";
  out.model.nodes = 20;
  out.model.chunks = 100;
  out.model.node_mttf = 300 * 3600;
  out.model.runs = 50;
  out.seed = 3;
  recovery_strategy pairs{"pairs", "fake",
                          []() -> atl::result<std::shared_ptr<atl::spi::recovery>> {
                            return std::make_shared<fakes::paired_scheme>();
                          }};
  for (auto& each : {threshold("two", 2, 1), threshold("code", 6, 3), pairs}) {
    auto figures = measure_durability(out.model, each, out.seed);
    REQUIRE(figures);
    out.schemes.push_back({each.label, *figures});
  }
  return out;
}

} // namespace

TEST_CASE("durability is told in a table for losses, recovery, writes and costs") {
  auto it = compare();
  auto text = to_text(it);
  CAPTURE(text);
  CHECK(
      text.starts_with("small <one>: 20 nodes in 6 zones, 100 chunks of 64MiB spread at random\n"
                       "a node fails after 300h on average, is detected after 10m, and receives "
                       "50MiB a second for repairs; 50 runs of 1 year, seed 3\n\nLOSS in 1 year "));
  for (auto part : {"\ntwo   ", "3 of 6", "P(RECOVERED)  one node: 1 - P(fail)", "P(SUCCEED)",
                    "BYTES a byte", "pairs survives 66.67 % of all sets of 2 losses as well"})
    CHECK_MESSAGE(contains(text, part), part);
  CHECK_FALSE(contains(text, "two survives"));
  it.model.spread = chunk_spread::copysets;
  CHECK(contains(to_text(it), "spread over copysets of scatter width 4\n"));
}

TEST_CASE("a run without a failure is told as that, and so is a read that there is no way for") {
  auto it = compare();
  it.schemes[0].figures.counts = {.runs = 50};
  it.schemes[0].figures.costs.small_read.most_away = std::numeric_limits<double>::infinity();
  CHECK(contains(to_text(it), "no failure"));
  CHECK(contains(to_text(it), "no way"));
  auto json = nlohmann::json::parse(to_json(it));
  CHECK(json["schemes"][0]["measured"]["recovered"].is_null());
  CHECK(json["schemes"][0]["cost"]["small_read"]["most_away"].is_null());
  CHECK(durability_chart(it).ends_with("</svg>\n"));
}

TEST_CASE("the JSON of durability has all figures") {
  auto it = compare();
  auto json = nlohmann::json::parse(to_json(it));
  CHECK(json["schema"] == "atoll.durability/1");
  CHECK(json["seed"] == 3);
  CHECK(json["cluster"]["nodes"] == 20);
  CHECK(json["cluster"]["scatter_width"].is_null());
  CHECK(json["plain"]["node_up"].get<double>() == Approx(300.0 / (300 + 1.0 / 6)));
  REQUIRE(json["schemes"].size() == 3);
  auto& code = json["schemes"][1];
  auto& figures = it.schemes[1].figures;
  CHECK(code["label"] == "code");
  CHECK(code["fragments"] == 6);
  CHECK(code["needed"] == 3);
  CHECK(code["survives"] == 3);
  CHECK(code["survives_more"] == 0);
  CHECK(code["formula"]["loss"].get<double>() == figures.form.loss);
  CHECK(code["formula"]["recovered"].get<double>() == figures.form.recovered);
  CHECK(code["measured"]["runs"] == 50);
  CHECK(code["measured"]["failures"] == figures.counts.failures);
  CHECK(code["measured"]["loss_high"].get<double>() > 0);
  CHECK(code["measured"]["repair_bytes_a_year"].get<double>() ==
        Approx(figures.counts.rebuilt_bytes / 50));
  CHECK(code["write"]["needed"] == 3);
  CHECK(code["cost"]["stored"].get<double>() == Approx(2).epsilon(0.01));
  CHECK(code["cost"]["chunk_read"]["whole"].get<double>() == Approx(1).epsilon(0.001));
}

TEST_CASE("what keepers did stands beside the formula and the model") {
  auto it = compare();
  CHECK_FALSE(contains(to_text(it), "ANY CHUNK LOST"));
  auto& keeper = it.schemes[0].figures.keeper;
  keeper = {.runs = 40,
            .runs_with_loss = 10,
            .chunks_lost = 12,
            .windows = 90,
            .simulated = 30,
            .first_loss = {4, 2}};
  it.schemes[0].figures.counts.runs_with_loss = 12;
  auto text = to_text(it);
  CAPTURE(text);
  for (auto part : {"ANY CHUNK LOST  closed form", "24 % (14.3 to 37.41)", "25 % (14.19 to 40.19)",
                    "40       90         30           12", "not run",
                    "two: the keeper's first loss is in window 4:2, which --keeper-window 4:2 "
                    "--seed 3 tells event by event."})
    CHECK_MESSAGE(contains(text, part), part);
  for (auto part : {"shortened", "were cut", "differ by more than chance"})
    CHECK_FALSE(contains(text, part));
  auto json = nlohmann::json::parse(to_json(it));
  auto& kept = json["schemes"][0]["keeper"];
  CHECK(kept["runs"] == 40);
  CHECK(kept["loss"] == 0.25);
  CHECK(kept["loss_low"].get<double>() == Approx(0.1419).epsilon(0.001));
  CHECK(kept["windows"] == 90);
  CHECK(kept["simulated"] == 30);
  CHECK(kept["first_loss"] == "4:2");
  CHECK(json["schemes"][0]["agree"] == true);
  CHECK(json["schemes"][1]["keeper"].is_null());
  CHECK(json["schemes"][1]["agree"].is_null());
  CHECK(durability_chart(it) != durability_chart(compare()));
}

TEST_CASE("keepers that had fewer runs, cut windows or lose otherwise than the model are told of") {
  auto it = compare();
  auto& keeper = it.schemes[0].figures.keeper;
  keeper = {.runs = 40, .runs_with_loss = 38, .cut = 3, .is_shortened = true, .first_loss = {}};
  it.schemes[0].figures.counts.runs_with_loss = 5;
  auto text = to_text(it);
  for (auto part : {"two: the keeper had 40 runs, which took long enough; --keeper-runs 50 has",
                    "two: 3 windows of the keeper were cut",
                    "two: keeper and model differ by more than chance"})
    CHECK_MESSAGE(contains(text, part), part);
  CHECK(nlohmann::json::parse(to_json(it))["schemes"][0]["agree"] == false);
}

TEST_CASE("how zones fail is told, and which schemes a zone alone may lose") {
  auto it = compare();
  CHECK(contains(to_text(it), "A zone without power (zone_mttf)"));
  it.model.zones = 2;
  it.model.zone_mttf = 8766 * 3600;
  auto text = to_text(it);
  CHECK(contains(text, "seed 3\na zone fails after 8766h on average, and is lost for good\n"));
  CHECK(contains(text, "The formulas let nodes fail independently of each other, and no zone"));
  CHECK(contains(text, "pairs: a zone may hold 2 fragments of a chunk, and 1 losses"));
  it.model.zone_outage = 3600;
  CHECK(contains(to_text(it), "and is away for 1h\n"));
  CHECK_FALSE(contains(to_text(it), "pairs: a zone may hold"));
  auto json = nlohmann::json::parse(to_json(it));
  CHECK(json["cluster"]["zone_mttf_s"] == 8766 * 3600);
  CHECK(json["cluster"]["zone_outage_s"] == 3600);
}

TEST_CASE("the chart of durability has a curve and a measured interval for each scheme") {
  auto it = compare();
  auto chart = durability_chart(it);
  for (auto part : {"small &lt;one&gt;", ">two<", ">code<", "<path class=\"s0\" d=\"M",
                    "<path class=\"s2\" d=\"M", ">100 %<", ">0.0342<"})
    CHECK_MESSAGE(contains(chart, part), part);
  CHECK(chart == durability_chart(it));
  CHECK(chart.ends_with("</svg>\n"));
}
