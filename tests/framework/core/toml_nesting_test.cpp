#include <atoll/core/config_value.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace {

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += part;
  return out;
}

std::string complaint(const std::string& text) {
  auto read = atl::parse_toml(text, "node.toml");
  return read ? "accepted" : read.error().message;
}

bool too_deep(const std::string& text) {
  return complaint(text).find("nests deeper than 64 levels") != std::string::npos;
}

} // namespace

TEST_CASE("TOML that nests too deep for the stack is refused with its place, in whatever form") {
  constexpr std::size_t many = 200'000;
  CHECK(complaint("# a comment\nx = 1\n" + repeat("a.", many) + "a = 1\n")
            .starts_with("node.toml:3:130: nests deeper than 64 levels"));
  CHECK(too_deep("[" + repeat("a.", many) + "a]\n"));
  CHECK(too_deep("[[" + repeat("a.", many) + "a]]\n"));
  CHECK(too_deep(repeat("'a' . ", many) + "a = 1\n"));
  CHECK(too_deep(repeat("\"a#\".", many) + "a = 1\n"));
  CHECK(too_deep("x = " + repeat("[", many)));
  CHECK(too_deep("x = [\n1,\n" + repeat("[\n", many)));
  CHECK(too_deep("x = " + repeat("{a=", many)));
  CHECK(too_deep("x = {" + repeat("a.", many) + "a = 1}\n"));
  CHECK(too_deep("x = [" + repeat("[],", 100) + repeat("[{a=", many)));
}

TEST_CASE("levels of a table's name, of keys and of brackets add up") {
  auto nested = [](std::size_t header, std::size_t key, std::size_t lists, std::size_t inner) {
    return "[" + repeat("h.", header) + "h]\n" + repeat("k.", key) + "k = " + repeat("[", lists) +
           "{" + repeat("i.", inner) + "i = 1}" + repeat("]", lists) + "\n";
  };
  CHECK(complaint(nested(15, 15, 15, 15)) == "accepted");
  CHECK(too_deep(nested(20, 20, 20, 20)));
  CHECK(too_deep(nested(63, 1, 1, 1)));
  CHECK(too_deep(nested(0, 0, 64, 0)));
  // A table's name counts for its own keys only.
  CHECK(complaint("[" + repeat("h.", 60) + "h]\n[x]\n" + repeat("k.", 60) + "k = 1\n") ==
        "accepted");
}

TEST_CASE("dots and brackets in texts, comments and long lists are not levels") {
  auto dots = repeat(".", 1000);
  auto brackets = repeat("[{", 1000);
  for (auto& text : {"x = \"" + dots + "\"\n", "x = '" + brackets + "'\n",
                     "x = \"\"\"\n" + brackets + "\n\\\"\"\"" + dots + "\"\"\"\"\"\ny = 1\n",
                     "x = '''\n" + brackets + "''" + dots + "'''''\ny = 1\n",
                     "x = \"\\\\\" # " + brackets + "\n", "x = \"a\\\"" + brackets + "\"\n",
                     "\"" + dots + "\" = 1\n", "# " + brackets + dots + "\nx = 1\n",
                     "x = [" + repeat("1.5, ", 1000) + "]\n",
                     "x = [\n" + repeat("[1], # [[\n", 1000) + "]\n",
                     "x = [" + repeat("{a.b.c = 1}, ", 1000) + "]\n",
                     "\xef\xbb\xbf[a]\r\nx = '" + brackets + "'\r\n", "x = ''\ny = '" + dots + "'\n"})
    CHECK_MESSAGE(complaint(text) == "accepted", text.substr(0, 40));
}

TEST_CASE("where quotes are missing the parser is the one to complain") {
  CHECK(complaint("x = \"a\ny = " + repeat("'", 7) + "\n").starts_with("node.toml:1:"));
  CHECK(complaint("x = '''\n" + repeat("[", 1000)).find("nests") == std::string::npos);
}
