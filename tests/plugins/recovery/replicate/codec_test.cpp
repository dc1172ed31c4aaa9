#include "replicate_under_test.hpp"
#include "verify/recovery_properties.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace atl::spi;
namespace properties = atl::properties;

namespace {

/// The finding of a check as text for the output of a failed test.
std::string text_of(const properties::finding& found) {
  return found.value_or("");
}

} // namespace

TEST_CASE("the descriptor states kind, name and claims") {
  auto& plugin = subject::plugin();
  CHECK(plugin.magic == descriptor::expected_magic);
  CHECK(plugin.kind == plugin_kind::recovery);
  CHECK(std::string{plugin.name} == "replicate");
  CHECK(plugin.options.size() == 2);
  CHECK(bool{plugin.create.recovery != nullptr});
}

TEST_CASE("a write waits for a majority of the copies by default") {
  for (std::uint32_t copies = 1; copies <= 16; ++copies) {
    auto layout = subject::scheme(copies)->layout();
    CHECK(layout.total == copies);
    CHECK(layout.needed == 1);
    CHECK(layout.min_write == copies / 2 + 1);
    CHECK(layout.min_write <= copies);
    CHECK(layout.identical);
  }
}

TEST_CASE("a write waits for as many copies as the operator asks for") {
  CHECK(subject::scheme(3, 1)->layout().min_write == 1);
  CHECK(subject::scheme(3, 3)->layout().min_write == 3);
  CHECK(subject::scheme(16, 16)->layout().min_write == 16);
}

TEST_CASE("waiting for more copies than are made is refused with both numbers") {
  try {
    subject::scheme(2, 3);
    FAIL("a scheme came of it");
  } catch (const std::invalid_argument& refused) {
    auto why = std::string{refused.what()};
    CHECK(why.find("min_copies is 3") != std::string::npos);
    CHECK(why.find("the 2 copies") != std::string::npos);
  }
}

TEST_CASE("each fragment is the chunk itself and no bytes are copied") {
  auto scheme = subject::scheme(3);
  std::string chunk = "some bytes", scratch;
  for (auto fragment : scheme->encode(chunk, scratch)) {
    CHECK(fragment.data() == chunk.data());
    CHECK(fragment.size() == chunk.size());
  }
  CHECK(scratch.empty());
}

TEST_CASE("a chunk with one remaining copy is decoded, and the loss of all copies is an error") {
  random_source chance{1};
  for (std::uint32_t copies = 1; copies <= 10; ++copies) {
    auto scheme = subject::scheme(copies);
    CHECK(text_of(properties::has_a_layout(*scheme)) == "");
    for (std::size_t size : {0, 1, 4096, 70'000}) {
      auto chunk = properties::random_bytes(chance, size);
      CHECK(text_of(properties::encodes_as_it_says(*scheme, chunk)) == "");
      if (size <= 4096)
        CHECK(text_of(properties::decodes_what_it_can(*scheme, chunk, copies - 1, chance)) == "");
    }
  }
}

TEST_CASE("the claims hold with the default options") {
  auto& plugin = subject::plugin();
  auto scheme = subject::scheme();
  random_source chance{2};
  REQUIRE(plugin.claims.size() == 2);
  CHECK(std::string{plugin.claims[0].name} == "survives_losses");
  auto survives = static_cast<std::uint32_t>(std::stoul(plugin.claims[0].value));
  CHECK(text_of(properties::decodes_what_it_can(*scheme, "chunk", survives, chance)) == "");
  CHECK_FALSE(scheme->enough(std::vector<bool>(3)));
  CHECK(std::string{plugin.claims[1].name} == "storage_cost");
  std::size_t stored = 0;
  for (std::uint32_t index = 0; index < scheme->layout().total; ++index)
    stored += scheme->fragment_size(100, index);
  CHECK(std::to_string(stored) == plugin.claims[1].value);
}

TEST_CASE("a copy of another length is skipped, and not returned as the chunk") {
  auto scheme = subject::scheme(3);
  std::string scratch;
  std::vector<std::optional<std::string_view>> fragments{"shor", "too long", "right"};
  CHECK(scheme->decode(5, fragments, scratch) == "right");
  fragments[2].reset();
  CHECK(scheme->decode(5, fragments, scratch) == std::nullopt);
}

TEST_CASE("decoding without fragments fails") {
  auto scheme = subject::scheme(3);
  std::string scratch;
  CHECK(scheme->decode(5, {}, scratch) == std::nullopt);
  CHECK_FALSE(scheme->enough({}));
}
