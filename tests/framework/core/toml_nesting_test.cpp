#include <atoll/core/config_value.hpp>

#include <doctest/doctest.h>

#include <string>

namespace {

constexpr std::size_t many = 200'000;

std::string repeat(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += part;
  return out;
}

/// Concatenates the parts.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::string out;
  (out.append(parts), ...);
  return out;
}

std::string error_of(const std::string& text) {
  auto read = atl::parse_toml(text, "node.toml");
  return read ? "accepted" : read.error().message;
}

bool too_deep(const std::string& text) {
  return error_of(text).find("nests deeper than 64 levels") != std::string::npos;
}

/// Levels in the name of a table, in a key below it, of lists, and of a key in an inline table.
std::string nested(std::size_t header, std::size_t key, std::size_t lists, std::size_t inner) {
  return join("[", repeat("h.", header), "h]\n", repeat("k.", key), "k = ", repeat("[", lists), "{",
              repeat("i.", inner), "i = 1}", repeat("]", lists), "\n");
}

} // namespace

TEST_CASE("TOML that nests too deep for the stack is refused with its place, in every syntax") {
  CHECK(error_of(join("# a comment\nx = 1\n", repeat("a.", many), "a = 1\n"))
            .starts_with("node.toml:3:131: nests deeper than 64 levels"));
  for (auto& text :
       {join("[", repeat("a.", many), "a]\n"), join("[[", repeat("a.", many), "a]]\n"),
        join(repeat("'a' . ", many), "a = 1\n"), join(repeat("\"a#\".", many), "a = 1\n"),
        join("x = ", repeat("[", many)), join("x = [\n1,\n", repeat("[\n", many)),
        join("x = ", repeat("{a=", many)), join("x = {", repeat("a.", many), "a = 1}\n"),
        join("x = [", repeat("[],", 100), repeat("[{a=", many)),
        join("x = \"\"\"a\"\"\"\"\"\n", repeat("a.", many), "a = 1\n")})
    CHECK_MESSAGE(too_deep(text), text.substr(0, 40));
}

TEST_CASE("levels of a table's name, of keys and of brackets add up") {
  CHECK(error_of(nested(15, 15, 15, 15)) == "accepted");
  CHECK(too_deep(nested(20, 20, 20, 20)));
  CHECK(too_deep(nested(63, 1, 1, 1)));
  CHECK(too_deep(nested(0, 0, 64, 0)));
  // A table's name counts for its own keys only.
  CHECK(error_of(join("[", repeat("h.", 60), "h]\n[x]\n", repeat("k.", 60), "k = 1\n")) ==
        "accepted");
}

TEST_CASE("dots and brackets in texts, comments and long lists are not levels") {
  auto dots = repeat(".", 1000);
  auto brackets = repeat("[{", 1000);
  for (auto& text :
       {join("x = \"", dots, "\"\n"), join("x = '", brackets, "'\n"),
        join("x = \"\"\"\n", brackets, "\n\\\"\"\"", dots, "\"\"\"\"\"\ny = 1\n"),
        join("x = '''\n", brackets, "''", dots, "'''''\ny = 1\n"),
        join("x = \"\\\\\" # ", brackets, "\n"), join("x = \"a\\\"", brackets, "\"\n"),
        join("\"", dots, "\" = 1\n"), join("# ", brackets, dots, "\nx = 1\n"),
        join("x = [", repeat("1.5, ", 1000), "]\n"),
        join("x = [\n", repeat("[1], # [[\n", 1000), "]\n"),
        join("x = [", repeat("{a.b.c = 1}, ", 1000), "]\n"),
        join("\xef\xbb\xbf[a]\r\nx = '", brackets, "'\r\n"), join("x = ''\ny = '", dots, "'\n")})
    CHECK_MESSAGE(error_of(text) == "accepted", text.substr(0, 40));
}

TEST_CASE("a missing quote is reported by the parser") {
  CHECK(error_of(join("x = \"a\ny = ", repeat("'", 7), "\n")).starts_with("node.toml:1:"));
  CHECK(error_of(join("x = '''\n", repeat("[", 1000))).find("nests") == std::string::npos);
}
