#include "altered_bytes.hpp"
#include "common/conversion_protocol.hpp"
#include "common/conversion_setting.hpp"

#include <doctest/doctest.h>

using namespace dfs;
using namespace dfs::protocol;
using dfs::test::check_altered_bytes;

namespace {

const chunk_record chunk{{1, 2}, 3, {4, 0, 5}, 6, 7};

} // namespace

TEST_CASE("messages about conversions are decoded as they were encoded, and damaged bytes are "
          "refused") {
  conversion_request request{"storage-1",
                             {{1, 2, conversion_outcome::stored, {chunk, chunk}, ""},
                              {3, 4, conversion_outcome::failed, {}, "why"}},
                             5};
  auto asked = decode_conversion_request(encode(request));
  REQUIRE(asked);
  CHECK(*asked == request);
  check_altered_bytes(encode(request), decode_conversion_request);

  conversion_response response{{{1, 2, chunk, 3}}, 4, true};
  auto answered = decode_conversion_response(encode(response));
  REQUIRE(answered);
  CHECK(*answered == response);
  check_altered_bytes(encode(response), decode_conversion_response);

  conversion_list list{{{1, {2, "a/b"}, 3, 4, 5, 6, 7, true, 8, "why"}}, 9};
  auto listed = decode_conversion_list(encode(list));
  REQUIRE(listed);
  CHECK(listed->conversions == list.conversions);
  CHECK(listed->rate == 9);
  check_altered_bytes(encode(list), decode_conversion_list);
}

TEST_CASE("a message about conversions with more than its bounds is refused") {
  conversion_request request{"storage-1", {}, 0};
  request.done.resize(conversions_at_once_max + 1);
  CHECK_FALSE(decode_conversion_request(encode(request)));
  request.done.resize(1);
  request.done.front().stored.resize(converted_parts_max + 1);
  CHECK_FALSE(decode_conversion_request(encode(request)));
  conversion_response response;
  response.orders.resize(conversions_at_once_max + 1);
  CHECK_FALSE(decode_conversion_response(encode(response)));
  conversion_list list;
  list.conversions.resize(conversions_listed_max + 1);
  CHECK_FALSE(decode_conversion_list(encode(list)));
}

TEST_CASE("a conversion is kept in a setting, whatever its path is") {
  for (auto* path : {"", "a", "a/b", "with space", "1 2/3"})
    for (auto is_file : {true, false}) {
      conversion what{17, {5, path}, is_file, 1234};
      auto key = setting_key_of(what.inode);
      CHECK(is_conversion(key));
      CHECK(conversion_in(key, setting_value_of(what)) == what);
    }
  CHECK_FALSE(is_conversion("repair.rate"));
  for (auto* value :
       {"", "1", "1 0", "1 0 1", "1 2 1/a", "x 0 1/a", "1 0 /a", "1  0 1/a", "-1 0 1/a"})
    CHECK_FALSE_MESSAGE(conversion_in("conversion.17", value), value);
  for (auto* key : {"conversion.", "conversion.x", "conversion.1 2", "repair.rate"})
    CHECK_FALSE_MESSAGE(conversion_in(key, "1 0 1/a"), key);
}
