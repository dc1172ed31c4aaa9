#include "each_kind.hpp"
#include "namespace/records.hpp"

#include <atoll/spi/random.hpp>

/// Bytes that no encoder wrote: truncated, altered, random.
using namespace names;

namespace {

std::vector<std::string> some_commands() {
  std::vector<action> all{commands::batch{some_actions()}};
  for (auto& single : some_actions())
    all.push_back(single);
  std::vector<std::string> encoded;
  for (auto& what : all)
    encoded.push_back(encode(command{{3, 4}, encoded.size() + 1, birth_us, what}));
  return encoded;
}

std::vector<std::string> some_encoded_queries() {
  std::vector<std::string> all;
  for (auto& query : some_queries())
    all.push_back(encode(query));
  return all;
}

/// Calls `take` with every prefix of the bytes, and with many changed copies of them.
template <class Take>
void check_altered_bytes(const std::vector<std::string>& all, Take take) {
  atl::spi::random_source random{1};
  for (auto& whole : all) {
    for (std::size_t size = 0; size < whole.size(); ++size)
      take(whole.substr(0, size));
    take(whole + "x");
    for (int round = 0; round < 1000; ++round) {
      auto bytes = whole;
      for (auto changes = 1 + random.below(3); changes > 0; --changes)
        bytes[random.below(bytes.size())] = static_cast<char>(random.next());
      take(bytes);
    }
  }
}

} // namespace

TEST_CASE("commands and queries are decoded as they were encoded") {
  for (auto& bytes : some_commands()) {
    auto again = decode_command(bytes);
    REQUIRE(again.has_value());
    CHECK(encode(*again) == bytes);
  }
  for (auto& bytes : some_encoded_queries()) {
    auto again = decode_query(bytes);
    REQUIRE(again.has_value());
    CHECK(encode(*again) == bytes);
  }
}

TEST_CASE("truncated or altered commands get a response, and leave the state consistent") {
  subject it;
  it.register_storages();
  check_altered_bytes(some_commands(), [&](const std::string& bytes) {
    if (auto command = decode_command(bytes))
      CHECK(encode(*command) == bytes); // a command has one encoding only
    if (!bytes.empty())
      apply_entry(it.names(), bytes);
  });
  it.restart();
  CHECK(it.query(queries::summary{}).has_value());
}

TEST_CASE("truncated or altered queries are answered within the limits") {
  subject it;
  REQUIRE(it.put("/f").has_value());
  check_altered_bytes(some_encoded_queries(), [&](const std::string& bytes) {
    CHECK(it.names().query(bytes).value().size() < 64 << 10);
  });
}

TEST_CASE("truncated or altered responses are an error or a response, within the limits") {
  responses::opened opened;
  opened.pieces = {{0, 50, chunk_part{{{1, 2}, 100, {1, 2}, 3, 1}, 4}},
                   {50, 4, std::string{"text"}}};
  responses::summary summary;
  summary.storages = {{1, "node", "folder", storage_state::draining}};
  responses::listing listing;
  listing.entries.push_back({"name", 2, {}});
  check_altered_bytes({encode_response(opened)}, [](const std::string& bytes) {
    if (auto answer = decode_response<responses::opened>(bytes))
      CHECK(answer->pieces.size() <= bytes.size());
  });
  check_altered_bytes({encode_response(summary)}, [](const std::string& bytes) {
    if (auto answer = decode_response<responses::summary>(bytes))
      CHECK(answer->storages.size() <= bytes.size());
  });
  check_altered_bytes({encode_response(listing)}, [](const std::string& bytes) {
    if (auto answer = decode_response<responses::listing>(bytes))
      CHECK(answer->entries.size() <= bytes.size());
  });
  CHECK(decode_response<responses::changed>(encode_response(summary)).error().code ==
        errc::corrupt);
}

TEST_CASE("only a query about one file or directory counts as short") {
  CHECK(is_about_one_entry(encode(query_message{queries::stat{at("/a")}})));
  CHECK(is_about_one_entry(encode(query_message{queries::open{at("/a")}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::list{at("/a")}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::summary{}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::all_chunks{}})));
  CHECK_FALSE(is_about_one_entry("\xff\xff\xff"));
}
