#include <atoll/runtime/snapshot_transfer.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

using namespace atl::runtime;

namespace {

snapshot_offer some_offer() {
  return {7,
          1000,
          7107,
          {11, 12},
          "the protocol's part",
          {{"000012.sst", 1 << 20, 5}, {"CURRENT", 16, 6}}};
}

} // namespace

TEST_CASE("calls about snapshots are decoded as they were encoded") {
  auto offer = decode_snapshot_call(encode(some_offer()));
  REQUIRE(offer.has_value());
  auto& it = std::get<snapshot_offer>(*offer);
  CHECK(it.id == 7);
  CHECK(it.index == 1000);
  CHECK(it.blob == "the protocol's part");
  REQUIRE(it.files.size() == 2);
  CHECK(it.files[0].name == "000012.sst");
  CHECK(it.files[1].bytes == 16);
  CHECK(it.files[1].crc == 6);
  CHECK(it.port == 7107);
  CHECK(it.token == transfer_token{11, 12});
  auto done = decode_snapshot_call(encode(snapshot_done{7, true}));
  REQUIRE(done.has_value());
  CHECK(std::get<snapshot_done>(*done).ok);
  CHECK(std::get<snapshot_done>(*done).id == 7);
}

TEST_CASE("an offer with file names outside the folder is refused") {
  for (std::string name : {"../names", "/etc/passwd", "a/b", ".hidden", "", "..", "with space"}) {
    CAPTURE(name);
    auto offer = some_offer();
    offer.files[0].name = name;
    CHECK_FALSE(decode_snapshot_call(encode(offer)).has_value());
  }
}

TEST_CASE("truncated, altered or random bytes are refused or decode to a bounded call") {
  auto whole = encode(some_offer());
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(decode_snapshot_call(whole.substr(0, size)).has_value());
  atl::spi::random_source random{1};
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole;
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    auto call = decode_snapshot_call(bytes);
    if (!call)
      continue;
    if (auto* offer = std::get_if<snapshot_offer>(&*call))
      CHECK(offer->files.size() <= bytes.size());
  }
}
