#include "names_fixture.hpp"
#include "namespace/records.hpp"

#include <atoll/spi/random.hpp>

/// Bytes that no encoder wrote: truncated, altered, random.
using namespace names;

namespace {

std::vector<std::string> some_commands() {
  commands::put_file::extent_list extents{{{{birth_us, 1}, 100, {1, 2, 3}}, 100},
                                          {{{birth_us, 2}, 100, {2}}, 7}};
  std::vector<action> actions{commands::mkdir{"/a/b", true},
                              commands::put_file{"/f", 5, "text", true, false},
                              commands::put_file{"/g", 5, extents, true, true},
                              commands::rename{"/f", "/h", true},
                              commands::remove{"/h", true},
                              commands::register_storage{"node", "folder"},
                              commands::relocate_chunk{{birth_us, 1}, 1, 2, 3},
                              commands::collect_garbage{1, 2, 3}};
  std::vector<std::string> all;
  for (auto& it : actions)
    all.push_back(encode(command{{3, 4}, all.size() + 1, birth_us, it}));
  return all;
}

std::vector<std::string> some_queries() {
  std::vector<query_message> asked{queries::stat{"/f"},
                                   queries::list{"/", "a", 3},
                                   queries::open{"/f", 1},
                                   queries::summary{1},
                                   queries::chunks_on{1, {1, 2}, 3},
                                   queries::known{{{1, 2}, {3, 4}}},
                                   queries::all_chunks{{1, 2}, 3}};
  std::vector<std::string> all;
  for (auto& it : asked)
    all.push_back(encode(it));
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
    for (int round = 0; round < 3000; ++round) {
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
  for (auto& bytes : some_queries()) {
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
  check_altered_bytes(some_queries(), [&](const std::string& bytes) {
    CHECK(it.names().query(bytes).value().size() < 64 << 10);
  });
}

TEST_CASE("truncated or altered responses are an error or a response, within the limits") {
  responses::opened opened;
  opened.extents = {{{{1, 2}, 100, {1, 2}}, 50}};
  responses::summary summary;
  summary.storages = {{1, "node", "folder"}};
  responses::listing listing;
  listing.entries.push_back({"name", 2, inode_type::file, 3, 4, 5, 0});
  check_altered_bytes({encode_response(opened)}, [](const std::string& bytes) {
    if (auto answer = decode_response<responses::opened>(bytes))
      CHECK(answer->extents.size() <= bytes.size());
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
  CHECK(is_about_one_entry(encode(query_message{queries::stat{"/a"}})));
  CHECK(is_about_one_entry(encode(query_message{queries::open{"/a"}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::list{"/a", {}, 0}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::summary{}})));
  CHECK_FALSE(is_about_one_entry(encode(query_message{queries::all_chunks{}})));
  CHECK_FALSE(is_about_one_entry("\xff\xff\xff"));
}
