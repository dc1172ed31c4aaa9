#include <atoll/spi/balancer.hpp>
#include <atoll/spi/consensus.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>

/// What `atoll verify` makes of claims, also of unknown ones.
namespace {

using namespace atl::spi;
using atl::verify::verdict;

/// Everything to the member with the most free space.
class most_free : public balancer {
 public:
  void update(std::span<const member>) override {}

  slot pick(const pick_request& request, const member_facts& facts) override {
    auto may = [&](slot who) {
      return facts.available[who] != 0 &&
             std::find(request.tried.begin(), request.tried.end(), who) == request.tried.end();
    };
    std::uint64_t most = 0, count = 0;
    for (slot who = 0; who < facts.available.size(); ++who)
      if (may(who)) {
        auto is_more = count == 0 || facts.free_bytes[who] > most;
        count = is_more ? 1 : count + (facts.free_bytes[who] == most);
        most = std::max(most, facts.free_bytes[who]);
      }
    auto left = count > 0 ? turn_++ % count : 0; // in turn, where all are equally full
    for (slot who = 0; who < facts.available.size(); ++who)
      if (may(who) && facts.free_bytes[who] == most && left-- == 0)
        return who;
    return no_slot;
  }

 private:
  std::size_t turn_ = 0;
};

constexpr option_spec clock_options[] = {
    {"lease", option_type::boolean, "false", "", "", "answers reads by its clock"},
    {"clock_drift", option_type::integer, "500", "0", "1000", "in millionths"},
};

descriptor plugin_of(plugin_kind kind, std::span<const claim> claims) {
  descriptor made{.kind = kind,
                  .name = "claimant",
                  .version = "1.0.0",
                  .summary = "Claims something",
                  .licence = "MIT",
                  .claims = claims};
  if (kind == plugin_kind::balancer)
    made.create.balancer = [](const balancer_setup&) -> balancer* { return new most_free; };
  if (kind == plugin_kind::consensus)
    made.create.consensus = [](const consensus_setup&) -> consensus* { return nullptr; };
  if (kind == plugin_kind::recovery)
    made.create.recovery = [](const recovery_setup&) -> recovery* { return nullptr; };
  return made;
}

atl::verify::report verified(const descriptor& plugin, const options& values = {}) {
  atl::verify::effort how;
  how.seeds = 10;
  return atl::verify::verify_here(plugin, values, how);
}

const atl::verify::finding* first_broken(const atl::verify::report& report) {
  auto found = std::find_if(report.findings.begin(), report.findings.end(),
                            [](auto& finding) { return finding.what == verdict::broken; });
  return found == report.findings.end() ? nullptr : &*found;
}

/// How the first property broke, which is the one about claims.
std::string refusal_of(plugin_kind kind, std::vector<claim> claims) {
  auto report = verified(plugin_of(kind, claims));
  auto& first = report.findings.front();
  return first.what == verdict::broken ? first.detail : "kept";
}

} // namespace

TEST_CASE("a claim that the plugin's kind doesn't know is refused, with those that it knows") {
  CHECK(refusal_of(plugin_kind::balancer, {{"shres", "uniform"}}) ==
        "the claim 'shres' is unknown; did you mean 'shares'?; a balancer plugin may claim "
        "shares, smooth, spread, keys, load_bound, max_load, avoids");
  CHECK(refusal_of(plugin_kind::balancer, {{"survives_losses", "2"}}) ==
        "the claim 'survives_losses' is unknown; a balancer plugin may claim "
        "shares, smooth, spread, keys, load_bound, max_load, avoids");
  CHECK(refusal_of(plugin_kind::balancer, {{"shares", "uniform"}, {"shares", "weighted"}}) ==
        "the claim 'shares' is made more than once");
}

TEST_CASE("an unknown value of a claim is refused, with the known ones") {
  CHECK(refusal_of(plugin_kind::balancer, {{"spread", "everywhere"}}) ==
        "the claim spread = 'everywhere' can't be checked: its value is domains");
  CHECK(refusal_of(plugin_kind::balancer, {{"shares", "unifrom"}}) ==
        "the claim shares = 'unifrom' can't be checked: its value is uniform or weighted; did you "
        "mean 'uniform'?");
  CHECK(refusal_of(plugin_kind::balancer, {{"keys", "most"}}) ==
        "the claim keys = 'most' can't be checked: its value is kept or minimal or few");
  CHECK(refusal_of(plugin_kind::balancer, {{"avoids", "failing,slow"}}) ==
        "the claim avoids = 'failing,slow' can't be checked: its value is slow or failing or "
        "slow,failing");
  CHECK(refusal_of(plugin_kind::balancer, {{"shares", "uniform"}, {"smooth", "no"}}) ==
        "the claim smooth = 'no' can't be checked: its value is yes");
  for (auto value : {"", "two", "-1", "2 ", "2.5", "99999999999999999999"})
    CHECK(refusal_of(plugin_kind::recovery, {{"survives_losses", value}})
              .ends_with("its value is a whole number"));
  for (auto name : {"safe_with_crashes", "live_with_crashes"})
    CHECK(refusal_of(plugin_kind::consensus, {{name, "some"}})
              .ends_with("its value is none or minority or all"));
  for (auto name : {"linearizable_reads", "changes_members", "blocks_on_one_failure"})
    CHECK(refusal_of(plugin_kind::consensus, {{name, "true"}}).ends_with("its value is yes or no"));
  CHECK(refusal_of(plugin_kind::consensus, {{"trusts_clocks_with", "lease"}})
            .ends_with("its value is the name of a boolean option that the plugin declares"));
}

TEST_CASE("a claim about loads names an option of its type, which the plugin declares") {
  constexpr option_spec declared[] = {
      {"bound", option_type::real, "1.25", "1", "4", "how unequal loads may be"},
      {"choices", option_type::integer, "2", "1", "9", "how many members are drawn"},
  };
  auto refusal = [&](const char* name, const char* value) {
    const claim claims[] = {{name, value}};
    auto plugin = plugin_of(plugin_kind::balancer, claims);
    plugin.options = declared;
    return verified(plugin, options{{{"bound", 1.25}, {"choices", std::int64_t{2}}}})
        .findings.front()
        .detail;
  };
  CHECK(refusal("load_bound", "bound") == "");
  CHECK(refusal("max_load", "choices") == "");
  for (auto value : {"", "choices", "bounds", "1.25"})
    CHECK(refusal("load_bound", value)
              .ends_with("the name of a real option that the plugin "
                         "declares"));
  for (auto value : {"", "bound", "choice", "2"})
    CHECK(refusal("max_load", value)
              .ends_with("the name of an integer option that the plugin "
                         "declares"));
}

TEST_CASE("a claim that only adds to another one needs that one") {
  CHECK(refusal_of(plugin_kind::balancer, {{"smooth", "yes"}}) ==
        "the claim 'smooth' means nothing without the claim 'shares'");
}

TEST_CASE("options of quorums are integer options that the plugin declares") {
  for (auto value : {"clock_drift", "clock_drift,clock_drift"}) {
    const claim claims[] = {{"quorum_options", value}};
    auto plugin = plugin_of(plugin_kind::consensus, claims);
    plugin.options = clock_options;
    CHECK(verified(plugin).findings.front().what == atl::verify::verdict::kept);
  }
  for (auto value : {"", "lease", "clock_drift,", "clock_drift,quorum"}) {
    const claim claims[] = {{"quorum_options", value}};
    auto plugin = plugin_of(plugin_kind::consensus, claims);
    plugin.options = clock_options;
    CHECK(verified(plugin).findings.front().detail ==
          std::string{"the claim quorum_options = '"} + value +
              "' can't be checked: its value is names of integer options that the plugin declares, "
              "with commas between them");
  }
}

TEST_CASE("an option that trusts clocks needs the one that bounds their drift") {
  const claim claims[] = {{"trusts_clocks_with", "lease"}};
  auto plugin = plugin_of(plugin_kind::consensus, claims);
  plugin.options = std::span{clock_options}.first(1);
  CHECK(verified(plugin).findings.front().detail.ends_with("clock_drift, which is missing"));
}

TEST_CASE("shares that follow free space are neither uniform nor weighted") {
  for (auto value : {"uniform", "weighted"}) {
    const claim claims[] = {{"shares", value}};
    auto report = verified(plugin_of(plugin_kind::balancer, claims));
    auto* broken = first_broken(report);
    REQUIRE(broken);
    CAPTURE(broken->detail);
    CHECK(broken->property == (std::string_view{value} == "uniform"
                                   ? "shares whatever the facts"
                                   : "only usable members, each once, whatever joins, dies and "
                                     "comes back"));
  }
  auto honest = verified(plugin_of(plugin_kind::balancer, {}));
  CHECK_MESSAGE(!first_broken(honest), to_text(honest));
}

TEST_CASE("a factory that creates nothing is told, and nothing else is tried") {
  auto plugin = plugin_of(plugin_kind::balancer, {});
  plugin.create.balancer = [](const balancer_setup&) -> balancer* { return nullptr; };
  auto report = verified(plugin);
  REQUIRE(first_broken(report));
  CHECK(first_broken(report)->detail == "its factory creates nothing");
  CHECK(report.findings.size() == 2);
}
