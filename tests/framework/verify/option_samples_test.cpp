#include "option_samples.hpp"
#include "recorder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

using namespace atl::spi;
using atl::verify::option_samples;

namespace {

constexpr option_spec declared[] = {
    {"copies", option_type::integer, "3", "1", "16", ""},
    {"start", option_type::text, "random", "", "random|lowest", ""},
    {"wide", option_type::boolean, "false", "", "", ""},
    {"limit", option_type::size, "1MiB", "4KiB", "", ""},
    {"share", option_type::real, "0.5", "0", "1", ""},
};

descriptor plugin_with_options() {
  return {.kind = plugin_kind::recovery,
          .name = "specimen",
          .version = "1.0.0",
          .summary = "Has options",
          .licence = "Apache-2.0",
          .options = declared};
}

options defaults() {
  return options{{{"copies", std::int64_t{3}},
                  {"start", std::string{"random"}},
                  {"wide", false},
                  {"limit", std::int64_t{1} << 20},
                  {"share", 0.5}}};
}

} // namespace

TEST_CASE("each option is sampled at its limits and at each choice, and never outside") {
  std::set<std::int64_t> copies, limits;
  std::set<std::string> starts;
  std::set<bool> wide;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    random_source chance{seed};
    for (auto& sample : option_samples(plugin_with_options(), defaults(), chance)) {
      copies.insert(sample.options.integer("copies"));
      limits.insert(sample.options.integer("limit"));
      starts.insert(sample.options.text("start"));
      wide.insert(sample.options.boolean("wide"));
      CHECK(sample.options.real("share") >= 0);
      CHECK(sample.options.real("share") <= 1);
    }
  }
  CHECK(copies.size() == 16);
  CHECK(*copies.begin() == 1);
  CHECK(*copies.rbegin() == 16);
  CHECK(limits == std::set<std::int64_t>{4096, 1 << 20});
  CHECK(starts == std::set<std::string>{"lowest", "random"});
  CHECK(wide.size() == 2);
}

TEST_CASE("a sample lists the options that it sets, and keeps the caller's others") {
  auto base = defaults().values();
  base["copies"] = std::int64_t{7};
  random_source chance{1};
  auto samples = option_samples(plugin_with_options(), options{base}, chance);
  auto lowest = std::find_if(samples.begin(), samples.end(),
                             [](auto& sample) { return sample.name == "start = \"lowest\""; });
  REQUIRE(bool{lowest != samples.end()});
  CHECK(lowest->options.integer("copies") == 7);
}

TEST_CASE("options are the defaults only if all are") {
  CHECK(atl::verify::are_defaults(plugin_with_options(), defaults()));
  auto other = defaults().values();
  other["copies"] = std::int64_t{2};
  CHECK_FALSE(atl::verify::are_defaults(plugin_with_options(), options{other}));
}

TEST_CASE("a refusal of options counts only with a reason") {
  atl::verify::option_sample sample{"copies = 1", defaults()};
  CHECK_FALSE(atl::verify::is_refused(sample, [] {}));
  CHECK(atl::verify::is_refused(sample, [] { throw std::invalid_argument{"too few"}; }));
  CHECK_THROWS_AS(atl::verify::is_refused(sample, [] { throw std::invalid_argument{""}; }),
                  atl::verify::broken);
}
