#include "verify/recovery_properties.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace atl::spi;
namespace properties = atl::properties;

/// The checks must find every wrong scheme.
namespace {

/// A simple, correct scheme of two copies, to which a test adds a mistake.
struct mirror : recovery {
  fragment_layout layout() const override { return {2, 1, 1, true}; }

  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    return {chunk, chunk};
  }

  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override {
    for (auto& one : fragments)
      if (one)
        return one;
    return std::nullopt;
  }

  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size; }

  bool enough(const std::vector<bool>& present) const override { return present[0] || present[1]; }

  verdict judge(const chunk_report& report) const override {
    auto good = good_ones(report).size();
    if (good == 0)
      return {chunk_health::lost, 0};
    if (plan_one(report).empty())
      return {chunk_health::healthy, static_cast<std::uint32_t>(good - 1)};
    return {good == 1 ? chunk_health::critical : chunk_health::degraded,
            static_cast<std::uint32_t>(good - 1)};
  }

  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    std::vector<repair_step> steps;
    for (auto endangered : {true, false})
      for (auto& report : reports)
        if ((good_ones(report).size() == 1) == endangered)
          for (auto& step : plan_one(report))
            steps.push_back(step);
    return steps;
  }

 protected:
  static std::vector<fragment_report> good_ones(const chunk_report& report) {
    std::vector<fragment_report> good;
    for (auto& one : report.fragments)
      if (one.state == fragment_state::ok)
        good.push_back(one);
    return good;
  }

  static std::vector<repair_step> plan_one(const chunk_report& report) {
    auto good = good_ones(report);
    std::vector<repair_step> steps;
    if (good.empty())
      return steps;
    bool wanting = false;
    std::uint32_t have[2] = {};
    for (auto& one : good)
      ++have[one.index];
    for (std::uint32_t index = 0; index < 2; ++index)
      if (have[index] == 0) {
        wanting = true;
        steps.push_back({repair_action::copy, report.chunk, index, {good[0].node}, {}});
      }
    for (auto& one : report.fragments)
      if (one.state == fragment_state::corrupt ||
          (one.state == fragment_state::ok && !wanting && have[one.index]-- > 1))
        steps.push_back({repair_action::drop, report.chunk, one.index, {one.node}, {}});
    return steps;
  }
};

/// The first violation that the checks find in a scheme's verdicts and plans, in many runs.
std::string error_of(const recovery& scheme) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    random_source chance{seed};
    properties::fragment_model model{scheme};
    properties::damage(model, scheme, chance, 6);
    for (auto& wrong :
         {properties::judges_rightly(scheme, model), properties::plans_until_healthy(scheme, model),
          properties::plans_by_danger(scheme, model),
          properties::plans_without_risk(scheme, model, chance)})
      if (wrong)
        return *wrong;
  }
  return "";
}

bool says(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a correct scheme passes") {
  random_source chance{1};
  mirror scheme;
  CHECK(error_of(scheme) == "");
  CHECK_FALSE(properties::has_a_layout(scheme).has_value());
  CHECK_FALSE(properties::encodes_as_it_says(scheme, "chunk").has_value());
  CHECK_FALSE(properties::decodes_what_it_can(scheme, "chunk", 1, chance).has_value());
}

TEST_CASE("a scheme that drops a chunk's last copy is found") {
  struct : mirror {
    std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
      auto steps = mirror::plan(reports);
      for (auto& report : reports)
        if (auto good = good_ones(report); good.size() == 1)
          steps.insert(steps.begin(),
                       {repair_action::drop, report.chunk, good[0].index, {good[0].node}, {}});
      return steps;
    }
  } scheme;
  CHECK(says(error_of(scheme), "can't be decoded without it"));
}

TEST_CASE("a scheme that plans for a lost chunk, or copies a damaged fragment, is found") {
  struct : mirror {
    std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
      auto steps = mirror::plan(reports);
      for (auto& report : reports)
        if (good_ones(report).empty())
          for (auto& one : report.fragments)
            if (one.state == fragment_state::corrupt)
              steps.push_back({repair_action::copy, report.chunk, one.index, {one.node}, {}});
      return steps;
    }
  } scheme;
  auto said = error_of(scheme);
  CHECK((says(said, "that is lost") || says(said, "no good copy")));
}

TEST_CASE("a scheme that leaves chunks unrepaired, or never ends, is found") {
  struct : mirror {
    std::vector<repair_step> plan(std::span<const chunk_report>) const override { return {}; }
  } idle;
  CHECK(says(error_of(idle), "unhealthy"));
  struct : mirror {
    std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
      auto steps = mirror::plan(reports);
      for (auto& report : reports)
        if (auto good = good_ones(report); !good.empty())
          steps.insert(steps.begin(), {repair_action::copy, report.chunk, 0, {good[0].node}, {}});
      return steps;
    }
  } restless;
  properties::fragment_model model{restless};
  model.add_healthy_chunk();
  auto said = properties::plans_until_healthy(restless, model);
  REQUIRE(said.has_value());
  CHECK(says(*said, "which is there already"));
  struct : mirror {
    std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
      return {{repair_action::verify, reports[0].chunk, 0, {reports[0].fragments[0].node}, {}}};
    }
  } never_sure;
  said = properties::plans_until_healthy(never_sure, model);
  REQUIRE(said.has_value());
  CHECK(says(*said, "still has something to mend"));
}

TEST_CASE("a scheme that repairs in the wrong order is found") {
  struct : mirror {
    fragment_layout layout() const override { return {3, 1, 1, true}; }
    bool enough(const std::vector<bool>& present) const override {
      return present[0] || present[1] || present[2];
    }
    std::vector<repair_step> plan(std::span<const chunk_report>) const override {
      return {{repair_action::copy, 0, 1, {1}, {}}, {repair_action::copy, 1, 0, {6}, {}}};
    }
  } wrong;
  properties::fragment_model model{wrong};
  for (std::uint64_t chunk : {0, 1})
    CHECK(model.add_healthy_chunk() == chunk);
  model.fragments(0).erase({1, 2});
  model.fragments(1).erase({0, 4});
  model.fragments(1).erase({1, 5});
  auto said = properties::plans_by_danger(wrong, model);
  REQUIRE(said.has_value());
  CHECK(says(*said, "after one that can lose"));
}

TEST_CASE("a scheme whose fragments contradict its layout is found") {
  random_source chance{1};
  struct : mirror {
    std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
      return {chunk, chunk.substr(0, chunk.size() / 2)};
    }
  } half;
  CHECK(says(*properties::encodes_as_it_says(half, "chunk"), "another size"));
  struct : mirror {
    std::optional<std::string_view>
    decode(std::size_t size, std::span<const std::optional<std::string_view>> fragments,
           std::string& scratch) const override {
      if (!fragments[0])
        return fragments[1] ? std::optional<std::string_view>{scratch = "wrong"} : std::nullopt;
      return mirror::decode(size, fragments, scratch);
    }
  } wrong;
  CHECK(says(*properties::decodes_what_it_can(wrong, "chunk", 1, chance), "another chunk"));
  CHECK(says(*properties::decodes_what_it_can(mirror{}, "chunk", 2, chance), "claims to survive"));
  struct : mirror {
    std::optional<std::string_view> decode(std::size_t,
                                           std::span<const std::optional<std::string_view>> all,
                                           std::string&) const override {
      return all[0] || all[1] ? std::optional<std::string_view>{"chunk"} : std::nullopt;
    }
  } remembers;
  CHECK(says(*properties::decodes_what_it_can(remembers, "chunk", 1, chance), "neither"));
}

TEST_CASE("the losses that a scheme survives are derived from the present copies") {
  properties::loss_tolerance two_copies{mirror{}};
  CHECK(two_copies.spare({1, 1}) == 1);
  CHECK(two_copies.spare({3, 0}) == 2);
  CHECK(two_copies.spare({0, 0}) == std::nullopt);
  struct : mirror { // of four fragments, the first or the second, and the third or the fourth
    fragment_layout layout() const override { return {4, 2, 2, false}; }
    bool enough(const std::vector<bool>& present) const override {
      return (present[0] || present[1]) && (present[2] || present[3]);
    }
  } pairs;
  properties::loss_tolerance by_pairs{pairs};
  CHECK(by_pairs.spare({1, 1, 1, 1}) == 1);
  CHECK(by_pairs.spare({1, 2, 1, 0}) == 0);
  CHECK(by_pairs.spare({2, 2, 3, 0}) == 2);
  CHECK(by_pairs.spare({2, 2, 0, 0}) == std::nullopt);
  struct : mirror { // any 14 of 20
    fragment_layout layout() const override { return {20, 14, 14, false}; }
    bool enough(const std::vector<bool>& present) const override {
      return std::count(present.begin(), present.end(), true) >= 14;
    }
  } many;
  CHECK(properties::loss_tolerance{many}.spare(std::vector<std::uint32_t>(20, 1)) == 6);
  CHECK(properties::loss_tolerance{many}.spare(std::vector<std::uint32_t>(20, 2)) == 13);
}
