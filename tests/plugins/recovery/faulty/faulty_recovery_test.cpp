#include "known_plugins.hpp"

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace atl::spi;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, faulty, 1, 0, 0);
extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);
extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(recovery, faulty, 1, 0, 0);

options options_with(const std::vector<std::string>& assignments) {
  return known_plugins::options_for(plugin, assignments,
                                    {&ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0),
                                     &ATOLL_PLUGIN_SYMBOL(recovery, reed_solomon, 1, 0, 0)});
}

std::unique_ptr<recovery> scheme(const std::vector<std::string>& assignments = {}) {
  auto options = options_with(assignments);
  return std::unique_ptr<recovery>{plugin.create.recovery({options})};
}

/// What comes of decoding one chunk again and again.
struct decodings {
  int right = 0;
  int wrong = 0;
  int none = 0;
};

decodings decode_often(const recovery& by, int times) {
  const std::string chunk(10'000, 'x');
  std::string encoded, scratch;
  auto fragments = by.encode(chunk, encoded);
  std::vector<std::optional<std::string_view>> all(fragments.begin(), fragments.end());
  decodings out;
  for (int i = 0; i < times; ++i) {
    auto decoded = by.decode(chunk.size(), all, scratch);
    (!decoded ? out.none : *decoded == chunk ? out.right : out.wrong) += 1;
  }
  return out;
}

} // namespace

TEST_CASE("without shares it is the plugin that it wraps") {
  auto wrapped = scheme({"plugin=reed_solomon"});
  CHECK(wrapped->layout().total == 6);
  CHECK(wrapped->promised().survives_losses == 2);
  CHECK(wrapped->per_domain_max() == 2);
  CHECK(wrapped->stripes().data == 4);
  CHECK(wrapped->stripes().cell_bytes > 0);
  CHECK(wrapped->encoding() == "rs-cauchy/1");
  CHECK(decode_often(*wrapped, 100).right == 100);
  CHECK(scheme({"options=copies=2"})->layout().total == 2);
  atl::verify::effort few;
  few.seeds = 20;
  few.stop_at_first = true;
  auto report = atl::verify::verify_here(plugin, options_with({}), few);
  // Options at their limits are shares of 1, and these break the interface.
  CHECK_FALSE(report.ok());
  CHECK_MESSAGE(atl::verify::to_text(report).find("options at their limits") != std::string::npos,
                atl::verify::to_text(report));
}

TEST_CASE("a share of the calls fails") {
  auto failing = decode_often(*scheme({"fail=0.3"}), 1000);
  CHECK(failing.none > 200);
  CHECK(failing.none < 400);
  CHECK(failing.wrong == 0);
  CHECK(decode_often(*scheme({"fail=1"}), 100).none == 100);
  CHECK(scheme({"fail=1"})
            ->plan(std::vector<chunk_report>{{7, {{0, 1, fragment_state::ok}}}})
            .empty());
  CHECK_FALSE(scheme()->plan(std::vector<chunk_report>{{7, {{0, 1, fragment_state::ok}}}}).empty());
}

TEST_CASE("a share of the decoded chunks is garbled, and what is encoded never is") {
  auto garbling = scheme({"garble=0.3"});
  auto found = decode_often(*garbling, 1000);
  CHECK(found.wrong > 200);
  CHECK(found.wrong < 400);
  CHECK(found.none == 0);
  const std::string chunk(1000, 'x');
  std::string scratch;
  for (int i = 0; i < 100; ++i)
    for (auto fragment : scheme({"garble=1", "fail=1"})->encode(chunk, scratch))
      CHECK(fragment == chunk);
}

TEST_CASE("a failure names the dearest reads") {
  const std::vector<source> sources{{0, 5}, {1, 1}, {2, 9}};
  CHECK(scheme()->reads_for(100, 0, 100, sources)->front().fragment == 1);
  CHECK(scheme({"fail=1"})->reads_for(100, 0, 100, sources)->front().fragment == 2);
}

TEST_CASE("the same seed fails the same calls") {
  auto trace = [](const std::string& seed) {
    auto failing = scheme({"fail=0.5", "seed=" + seed});
    std::string out;
    for (int i = 0; i < 64; ++i)
      out += decode_often(*failing, 1).none > 0 ? 'x' : '.';
    return out;
  };
  CHECK(trace("4") == trace("4"));
  CHECK(trace("4") != trace("5"));
}

TEST_CASE("a plugin that isn't there, or that can't be loaded here, is refused") {
  CHECK_THROWS_AS(scheme({"plugin=none"}), std::invalid_argument);
  auto options = options_with({});
  options.set_plugins(nullptr);
  CHECK_THROWS_AS(delete plugin.create.recovery({options}), std::invalid_argument);
}
