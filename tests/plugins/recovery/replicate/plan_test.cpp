#include "replicate_under_test.hpp"
#include "verify/recovery_properties.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

using namespace atl::spi;
namespace properties = atl::properties;
using subject::corrupt;
using subject::missing;
using subject::ok;
using subject::unreachable;

namespace {

std::vector<repair_step> planned(std::vector<chunk_report> reports, std::int64_t copies = 3) {
  return subject::scheme(copies)->plan(reports);
}

/// A plan as text: a line such as `copy 7.2 from 10 11` for each step.
std::string text_of(const std::vector<repair_step>& steps) {
  constexpr const char* names[] = {"copy", "rebuild", "drop", "verify"};
  std::string text;
  for (auto& step : steps) {
    text += std::string{names[static_cast<int>(step.action)]} + ' ' + std::to_string(step.chunk) +
            '.' + std::to_string(step.fragment) +
            (step.action == repair_action::drop ? " on" : " from");
    for (auto node : step.sources)
      text += ' ' + std::to_string(node);
    text += '\n';
  }
  return text;
}

std::string text_of(std::vector<fragment_report> fragments, std::int64_t copies = 3) {
  return text_of(planned({{0, std::move(fragments)}}, copies));
}

/// Runs a property on random damage to random numbers of copies.
template <class Property>
bool holds_for_any_damage(Property&& property) {
  return rc::check([&](std::uint64_t seed) {
    random_source chance{seed};
    auto scheme = subject::scheme(1 + static_cast<std::int64_t>(chance.below(6)));
    properties::fragment_model model{*scheme};
    properties::damage(model, *scheme, chance, 1 + chance.below(10));
    auto wrong = property(*scheme, model, chance);
    RC_LOG() << wrong.value_or("") << '\n';
    RC_ASSERT(!wrong);
  });
}

} // namespace

TEST_CASE("a plan contains no step for healthy and for lost chunks") {
  CHECK(text_of({{0, 10, ok}, {1, 11, ok}, {2, 12, ok}}) == "");
  CHECK(text_of({{0, 10, corrupt}, {1, 11, unreachable}, {2, 12, missing}}) == "");
  CHECK(text_of(std::vector<fragment_report>{}) == "");
}

TEST_CASE("a missing copy is made from the good ones") {
  CHECK(text_of({{0, 10, ok}, {1, 11, missing}, {2, 12, ok}}) == "copy 0.1 from 12 10\n");
}

TEST_CASE("an unreachable copy is replaced on another node, and not dropped") {
  CHECK(text_of({{0, 10, ok}, {1, 11, unreachable}, {2, 12, ok}}) == "copy 0.1 from 12 10\n");
}

TEST_CASE("two missing copies are two steps") {
  CHECK(text_of({{0, 10, missing}, {1, 11, ok}}) == "copy 0.0 from 11\ncopy 0.2 from 11\n");
}

TEST_CASE("a damaged copy is replaced, then dropped, and never copied from") {
  CHECK(text_of({{0, 10, corrupt}, {1, 11, ok}, {2, 12, ok}}) ==
        "copy 0.0 from 11 12\ndrop 0.0 on 10\n");
}

TEST_CASE("a damaged copy that was replaced already is dropped") {
  CHECK(text_of({{0, 10, corrupt}, {0, 13, ok}, {1, 11, ok}, {2, 12, ok}}) == "drop 0.0 on 10\n");
}

TEST_CASE("of two equal copies the one on the node with the lower number is kept") {
  CHECK(text_of({{0, 10, ok}, {1, 14, ok}, {1, 11, ok}, {2, 12, ok}}) == "drop 0.1 on 14\n");
  CHECK(text_of({{0, 10, ok}, {1, 11, ok}, {1, 14, ok}, {2, 12, ok}}) == "drop 0.1 on 14\n");
}

TEST_CASE("a surplus copy is kept as long as another copy is missing") {
  CHECK(text_of({{0, 10, ok}, {0, 13, ok}, {1, 11, ok}, {2, 12, unreachable}}) ==
        "copy 0.2 from 13 10 11\n");
}

TEST_CASE("a surplus copy on a node that is down is not dropped") {
  CHECK(text_of({{0, 10, ok}, {1, 11, ok}, {1, 14, unreachable}, {2, 12, ok}}) == "");
}

TEST_CASE("when the number of copies was lowered, the surplus is dropped and only good copies "
          "are kept") {
  CHECK(text_of({{0, 10, ok}, {1, 11, ok}, {2, 12, ok}}, 2) == "drop 0.2 on 12\n");
  CHECK(text_of({{0, 10, corrupt}, {1, 11, corrupt}, {2, 12, ok}}, 1) ==
        "copy 0.0 from 12\ndrop 0.0 on 10\ndrop 0.1 on 11\n");
}

TEST_CASE("of two copies on one node, one moves") {
  CHECK(text_of({{0, 10, ok}, {1, 10, ok}}, 2) == "copy 0.1 from 10\n");
  CHECK(text_of({{0, 10, ok}, {1, 10, ok}, {1, 20, ok}}, 2) == "drop 0.1 on 10\n");
}

TEST_CASE("a step names the copy that its source has, which may differ from the copy that is "
          "made") {
  auto steps = planned({{0, {{0, 10, ok}, {2, 12, ok}}}});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].fragment == 1);
  CHECK(steps[0].sources == std::vector<std::uint64_t>{12, 10});
  CHECK(steps[0].source_fragments == std::vector<std::uint32_t>{2, 0});
}

TEST_CASE("chunks with one copy left go first, and each gets a second copy before any a third") {
  CHECK(text_of(planned({
            {0, {{0, 10, ok}, {1, 11, ok}, {2, 12, missing}}},
            {1, {{0, 10, ok}}},
            {2, {{0, 10, ok}, {1, 11, ok}, {2, 12, ok}, {2, 13, ok}}},
            {3, {{1, 11, ok}}},
        })) == "copy 1.1 from 10\ncopy 3.0 from 11\ncopy 1.2 from 10\ncopy 3.2 from 11\n"
               "copy 0.2 from 10 11\ndrop 2.2 on 13\n");
}

TEST_CASE("after the loss of a node all other nodes share the repair") {
  std::vector<chunk_report> reports;
  for (std::uint64_t chunk = 0; chunk < 100; ++chunk)
    reports.push_back({chunk, {{0, 10, ok}, {1, 11, ok}, {2, 12, unreachable}}});
  std::size_t from_first = 0;
  for (auto& step : planned(reports))
    from_first += step.sources.front() == 10;
  CHECK(from_first == 50);
}

TEST_CASE("the same reports give the same plan") {
  CHECK(holds_for_any_damage([](auto& scheme, auto& model, auto&) -> properties::finding {
    if (text_of(scheme.plan(model.reports())) == text_of(scheme.plan(model.reports())))
      return std::nullopt;
    return "plans differently the second time";
  }));
}

TEST_CASE("a plan repairs any damage that leaves a copy, without losing a chunk on the way") {
  CHECK(holds_for_any_damage([](auto& scheme, auto& model, auto&) {
    return properties::plans_until_healthy(scheme, model);
  }));
}

TEST_CASE("no plan loses a chunk when only some of its steps succeed") {
  CHECK(holds_for_any_damage([](auto& scheme, auto& model, auto& chance) {
    return properties::plans_without_risk(scheme, model, chance);
  }));
}

TEST_CASE("any plan repairs the most endangered chunks first") {
  CHECK(holds_for_any_damage(
      [](auto& scheme, auto& model, auto&) { return properties::plans_by_danger(scheme, model); }));
}

TEST_CASE("reports of any shape, with numbers out of range, lead to a healthy state") {
  CHECK(rc::check([](std::uint64_t seed) {
    random_source chance{seed};
    auto scheme = subject::scheme(1 + static_cast<std::int64_t>(chance.below(4)));
    properties::fragment_model model{*scheme};
    auto chunk = model.add_healthy_chunk();
    auto& all = model.fragments(chunk);
    all.clear();
    for (auto left = chance.below(12); left > 0; --left)
      all[{static_cast<std::uint32_t>(chance.chance(0.1) ? chance.next() : chance.below(6)),
           1'000'000 + chance.below(5)}] = static_cast<fragment_state>(chance.below(4));
    auto readable = scheme->judge(model.report(chunk)).health != chunk_health::lost;
    for (int round = 0; round < 8; ++round)
      for (auto& step : scheme->plan(model.reports())) {
        // The model ignores that a copy with a number out of range can be read, too.
        auto wrong = model.apply(step).value_or("");
        bool fits = wrong.empty() || wrong.find("without it") != std::string::npos;
        RC_LOG() << wrong << '\n';
        RC_ASSERT(fits);
        auto still = scheme->judge(model.report(chunk)).health != chunk_health::lost;
        RC_ASSERT(still == readable);
      }
    auto healthy = scheme->judge(model.report(chunk)).health == chunk_health::healthy;
    RC_ASSERT(healthy == readable);
    RC_ASSERT(scheme->plan(model.reports()).empty());
  }));
}
