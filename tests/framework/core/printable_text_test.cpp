#include <atoll/core/printable_text.hpp>

#include <doctest/doctest.h>

using namespace atl;

TEST_CASE("control characters, turns of direction and broken UTF-8 are shown escaped") {
  CHECK(printable("plain жук 日本語") == "plain жук 日本語");
  CHECK(printable("\033]0;x\007\x7f\n") == "\\x1b]0;x\\x07\\x7f\\x0a");
  CHECK(printable("a\u009bb") == "a\\xc2\\x9bb"); // one of its bytes starts a sequence
  CHECK(printable("a\u202eb\u2066c") == "a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c");
  CHECK(printable("caf\xe9") == "caf\\xe9");
  CHECK(printable("\u00a0\u2065\u206a") == "\u00a0\u2065\u206a");
}

TEST_CASE("the lines of a text stay lines, without what else controls a terminal") {
  CHECK(printable_lines("one\ntwo\033[1m\n") == "one\ntwo\\x1b[1m\n");
}

TEST_CASE("overlong forms, surrogates and characters cut short are no UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("plain жук 日本語"));
  for (auto* broken :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\x97", "\xff"})
    CHECK_FALSE(is_utf8(broken));
}
