#include <atoll/runtime/envelope.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

using namespace atl;
using namespace atl::runtime;

TEST_CASE("an answer survives the wire") {
  auto good = decode_reply(encode(reply{std::string{"value"}, {}, false}));
  REQUIRE(good.value.has_value());
  CHECK(*good.value == "value");

  auto bad = decode_reply(encode(reply{fail(errc::refused, "no"), "10.0.0.1:7", true}));
  REQUIRE_FALSE(bad.value.has_value());
  CHECK(bad.value.error() == error{errc::refused, "no"});
  CHECK(bad.hint == "10.0.0.1:7");
  CHECK(bad.in_doubt);
}

TEST_CASE("bytes that are no answer become an error, whatever they are") {
  auto whole = encode(reply{fail(errc::refused, "a reason"), "host:1", true});
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(decode_reply(std::string_view{whole}.substr(0, size)).value.error().code ==
          errc::corrupt);
  spi::random_source random{42};
  for (int round = 0; round < 10'000; ++round) {
    std::string bytes(random.below(40), '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random.next());
    auto answer = decode_reply(bytes);
    if (!answer.value)
      CHECK(answer.value.error().message.size() < 100);
  }
}
