#include "job/job_limits.hpp"
#include "job/job_spec.hpp"
#include "job/line_pattern.hpp"

#include <doctest/doctest.h>

#include <string>

using dfs::job::line_pattern;

namespace {

std::string refusal_of(std::string_view pattern, bool ignore_case = false) {
  auto compiled = line_pattern::compile(pattern, ignore_case);
  if (compiled)
    return "";
  CHECK(compiled.error().code == atl::errc::invalid);
  return compiled.error().message;
}

} // namespace

TEST_CASE("a pattern that makes no sense, or another one here than in grep, is refused with why") {
  CHECK(refusal_of("(a") == "the pattern '(a': missing ): (a");
  CHECK(refusal_of("[a") == "the pattern '[a': a [ without its ]");
  CHECK(refusal_of("[[:alpha") == "the pattern '[[:alpha': a [ without its ]");
  CHECK(refusal_of("[[:nope:]]").find("invalid character class") != std::string::npos);
  CHECK(refusal_of("*a").find("no argument for repetition") != std::string::npos);
  CHECK(refusal_of("(a)\\1").find("\\1 refers back to a group") != std::string::npos);
  CHECK(refusal_of("\\d").find("\\d has no meaning") != std::string::npos);
  CHECK(refusal_of("\\<a").find("\\< isn't supported") != std::string::npos);
  CHECK(refusal_of("a\\").find("a backslash at the end") != std::string::npos);
  CHECK(refusal_of("a\nb").find("a line break") != std::string::npos);
  CHECK(refusal_of("[a\n]").find("a line break") != std::string::npos);
  CHECK(refusal_of("[[.a.]]").find("collating elements") != std::string::npos);
  CHECK(refusal_of("(?i)a") != "");
  CHECK(refusal_of("\xe9", true).find("ASCII") != std::string::npos);
  CHECK(refusal_of("\xe9") == "");
}

TEST_CASE("a pattern that would take much memory is refused") {
  CHECK(refusal_of(std::string(dfs::job::pattern_bytes_max, 'a')) == "");
  CHECK(refusal_of(std::string(dfs::job::pattern_bytes_max + 1, 'a')) ==
        "a pattern of 1025 bytes; expected at most 1024");
  CHECK(refusal_of("((a{1000}){1000}){1000}") != "");
  CHECK(refusal_of("((((x*)*)*)*)*(.{1000}){900}") != "");
}

TEST_CASE("a match is found in its line, which ends at line breaks") {
  auto pattern = line_pattern::compile("b[^x]*d", false);
  REQUIRE(pattern.has_value());
  auto found = pattern->find("abc\nd\nxbcdx\nlast");
  REQUIRE(found.has_value());
  CHECK(found->begin == 6);
  CHECK(found->end == 11);
  CHECK(!pattern->find("").has_value());
}

TEST_CASE("an empty text is one empty line") {
  auto pattern = line_pattern::compile("^$", false);
  REQUIRE(pattern.has_value());
  auto found = pattern->find("");
  REQUIRE(found.has_value());
  CHECK(found->end == 0);
}

TEST_CASE("what a job is to do is checked before it begins") {
  using namespace dfs::job;
  CHECK(check({job_kind::count}).has_value());
  CHECK(check({job_kind::grep, "a"}).has_value());
  CHECK(!check({job_kind::grep, "("}).has_value());
}

TEST_CASE("a job's description is read back, and a malformed one isn't") {
  using namespace dfs::job;
  job_spec spec{job_kind::grep, "a|b", true, false, true, false};
  atl::spi::writer out;
  write(out, spec);
  atl::spi::reader in{out.view()};
  CHECK(read_job_spec(in) == spec);
  CHECK(in.done());
  auto bytes = out.take();
  bytes[0] = 3;
  atl::spi::reader bad{bytes};
  std::ignore = read_job_spec(bad);
  CHECK(!bad.ok());
}
