#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

using namespace atl;
using namespace atl::runtime;

TEST_CASE("a response is decoded as it was encoded") {
  auto good = decode_reply(encode(reply{std::string{"value"}, {}, false}));
  REQUIRE(good.value.has_value());
  CHECK(*good.value == "value");

  auto bad = decode_reply(encode(reply{fail(errc::refused, "no"), "10.0.0.1:7", true}));
  REQUIRE_FALSE(bad.value.has_value());
  CHECK(bad.value.error() == error{errc::refused, "no"});
  CHECK(bad.hint == "10.0.0.1:7");
  CHECK(bad.in_doubt);
  CHECK(is_value(encode(reply{std::string{"value"}, {}, false})));
  CHECK_FALSE(is_value(encode(reply{fail(errc::refused, "no"), {}, false})));
}

TEST_CASE("bytes that are not a response are decoded to an error") {
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
    CHECK(is_value(bytes) == answer.value.has_value());
    if (!answer.value)
      CHECK(answer.value.error().message.size() < 100);
  }
}

TEST_CASE("calls and responses are decoded as they were encoded, and hostile bytes are refused") {
  std::vector<client_call> calls{{7, message_kind::command, "put"}, {8, message_kind::query, ""}};
  auto bytes = encode(calls);
  auto read = decode_calls(bytes);
  REQUIRE(read.has_value());
  REQUIRE(read->size() == 2);
  CHECK(read->front().id == 7);
  CHECK(read->front().body == "put");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_calls(bytes.substr(0, size)).has_value());
  CHECK_FALSE(decode_calls(bytes + "x").has_value());
  CHECK_FALSE(decode_calls(encode({{1, message_kind::transfer, "x"}})).has_value());

  std::vector<client_response> answers{{7, {std::string{"done"}, {}, false}},
                                       {8, {fail(errc::busy, "later"), "a:1", true}}};
  bytes = encode(answers);
  auto got = decode_responses(bytes);
  REQUIRE(got.has_value());
  CHECK(*got->front().answer.value == "done");
  CHECK(got->back().answer.hint == "a:1");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_responses(bytes.substr(0, size)).has_value());

  std::vector<known_replica> members{{3, "master-3", {"127.0.0.1", 7103}}};
  bytes = encode(members);
  auto known = decode_group(bytes);
  REQUIRE(known.has_value());
  CHECK(known->front().where == endpoint{"127.0.0.1", 7103});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_group(bytes.substr(0, size)).has_value());
}

TEST_CASE("deferred calls and completions are decoded as they were encoded, and hostile bytes are "
          "refused") {
  auto bytes = encode(deferred_call{7, message_kind::application, "work"});
  auto call = decode_deferred_call(bytes);
  REQUIRE(call.has_value());
  CHECK(call->id == 7);
  CHECK(call->body == "work");
  CHECK_FALSE(
      decode_deferred_call(encode(deferred_call{7, message_kind::members, {}})).has_value());
  auto done = encode(completion{8, {fail(errc::busy, "later"), {}, false}});
  REQUIRE(decode_completion(done).has_value());
  CHECK(decode_completion(done)->id == 8);
  CHECK(decode_completion(done)->outcome.value.error().message == "later");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_deferred_call(bytes.substr(0, size)).has_value());
  for (std::size_t size = 0; size < done.size(); ++size)
    CHECK_FALSE(decode_completion(done.substr(0, size)).has_value());
}

TEST_CASE("a local response is decoded as it was encoded, and hostile bytes are refused") {
  auto bytes = encode(local_response{7, "rows"});
  auto read = decode_local_response(bytes);
  REQUIRE(read.has_value());
  CHECK(read->applied == 7);
  CHECK(read->response == "rows");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_local_response(bytes.substr(0, size)).has_value());
  CHECK_FALSE(decode_local_response(bytes + "x").has_value());
}

TEST_CASE("a replica's messages are accepted only by the replica that they are addressed to") {
  auto bytes = encode_peer_messages(1, 2, {"a", ""});
  auto read = decode_peer_messages(bytes, 2);
  REQUIRE(read.has_value());
  CHECK(read->from == 1);
  CHECK(read->bytes == std::vector<std::string>{"a", ""});
  CHECK_FALSE(decode_peer_messages(bytes, 3).has_value());
  CHECK_FALSE(decode_peer_messages(bytes + "x", 2).has_value());
  CHECK_FALSE(decode_peer_messages(encode_peer_messages(2, 2, {"a"}), 2).has_value());
  CHECK_FALSE(decode_peer_messages("", 2).has_value());
}
