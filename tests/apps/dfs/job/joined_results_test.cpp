#include "job/job_limits.hpp"
#include "job_on_text.hpp"
#include "temporary_folder.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <random>
#include <vector>

using namespace dfs::job;
using namespace dfs::job::testing;

namespace {

using random_engine = std::mt19937_64;

std::size_t below(random_engine& rng, std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>{0, bound - 1}(rng);
}

/// What the shell prints for a command.
std::string output_of(const std::string& command) {
  std::string text;
  auto* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), got);
  ::pclose(pipe);
  return text;
}

/// Few different bytes, so that patterns match and words and lines cross the cuts.
std::string draw_text(random_engine& rng, std::string_view alphabet) {
  std::string text(below(rng, 300), ' ');
  for (auto& byte : text)
    byte = alphabet[below(rng, alphabet.size())];
  return text;
}

std::string draw_bytes(random_engine& rng) {
  std::string text(below(rng, 3000), ' ');
  for (auto& byte : text)
    byte = static_cast<char>(below(rng, 256));
  return text;
}

draw up_to(random_engine& rng, std::size_t bound) {
  return [&rng, bound](std::size_t most) { return 1 + below(rng, std::min(most, bound)); };
}

struct machine {
  machine() : file{(folder.path() / "text").string()} {}

  void write(std::string_view text) const {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << text;
  }
  std::string run(const std::string& command) const {
    return output_of("export LC_ALL=C; cat " + file + " | " + command);
  }

  temporary_folder folder;
  std::string file;
};

const std::vector<std::string> patterns{"a",
                                        "ab+c?",
                                        "^a",
                                        "b$",
                                        "^$",
                                        "",
                                        "^",
                                        "$",
                                        "a|b",
                                        "(ab|ba)*c",
                                        "[^a]b",
                                        "[[:alpha:]]{2}",
                                        "\\.",
                                        "a.b",
                                        "a{2,3}",
                                        "a{,1}b",
                                        "[\\.]",
                                        "[a\\]",
                                        "[]a]b",
                                        "\\ba\\b",
                                        "\\w \\w",
                                        "x",
                                        "^(a| )*$",
                                        "\\\\",
                                        "[^[:space:]]\\.",
                                        "a\\{",
                                        "\\$|\\^"};

} // namespace

TEST_CASE("however a file is cut, its checksum is that of cksum") {
  machine here;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    random_engine rng{seed};
    auto text = draw_bytes(rng);
    auto joined = run_job({job_kind::checksum}, text, up_to(rng, 700), up_to(rng, 90));
    REQUIRE(joined.has_value());
    here.write(text);
    CHECK_MESSAGE(fmt::format("{} {}\n", joined->result.checksum, joined->result.bytes) ==
                      here.run("cksum"),
                  "seed " << seed);
  }
}

TEST_CASE("the checksum of pieces far apart in a large file takes their distance into account") {
  std::string zeros(1 << 20, '\0');
  posix_checksum whole;
  whole.add("x");
  posix_checksum joined = whole;
  posix_checksum rest;
  for (int i = 0; i < 64; ++i) {
    whole.add(zeros);
    rest.add(zeros);
  }
  joined.append(rest);
  CHECK(joined.value() == whole.value());
  CHECK(joined.bytes() == whole.bytes());
}

TEST_CASE("however a file is cut, lines, words and bytes are those of wc") {
  machine here;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    random_engine rng{seed};
    auto text = seed % 2 == 0 ? draw_bytes(rng) : draw_text(rng, "ab \n\t\x01");
    auto joined = run_job({job_kind::count}, text, up_to(rng, 40), up_to(rng, 9));
    REQUIRE(joined.has_value());
    here.write(text);
    auto& is = joined->result;
    CHECK_MESSAGE(fmt::format("{} {} {}\n", is.lines, is.words, is.bytes) ==
                      here.run("wc | tr -s ' ' | sed 's/^ //'"),
                  "seed " << seed);
  }
}

TEST_CASE("however a file is cut, grep finds the lines that the machine's grep finds") {
  machine here;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    random_engine rng{seed};
    auto text = draw_text(rng, "aabbc. \\\n\n\xe9{");
    job_spec spec{job_kind::grep, patterns[seed % patterns.size()]};
    spec.invert = below(rng, 3) == 0;
    spec.line_numbers = below(rng, 2) == 0;
    spec.ignore_case = below(rng, 4) == 0;
    // The machine's grep says nothing at all where it sees that no line can be found.
    spec.count_only = below(rng, 5) == 0 && !(spec.invert && spec.pattern.empty());
    auto joined = run_job(spec, text, up_to(rng, 60), up_to(rng, 20));
    REQUIRE(joined.has_value());
    here.write(text);
    auto expected = here.run(fmt::format("grep -aE{}{}{}{} -e '{}'", spec.invert ? "v" : "",
                                         spec.line_numbers ? "n" : "", spec.ignore_case ? "i" : "",
                                         spec.count_only ? "c" : "", spec.pattern));
    auto printed = spec.count_only ? fmt::format("{}\n", joined->result.matches) : joined->lines;
    CHECK_MESSAGE(printed == expected, "seed " << seed << ", pattern " << spec.pattern);
    CHECK(joined->result.matches ==
          (spec.count_only ? std::stoull(expected)
                           : static_cast<std::uint64_t>(std::ranges::count(expected, '\n'))));
  }
}

TEST_CASE("a piece with more lines than a result may hold ends early, and none of them is lost") {
  std::string line(1000, 'a');
  std::string text, numbered;
  for (int i = 1; i <= 5000; ++i) {
    text += line + "\n";
    numbered += std::to_string(i) + ":" + line + "\n";
  }
  for (auto invert : {false, true}) {
    job_spec spec{job_kind::grep, invert ? "b" : "a", false, invert};
    auto whole = [](std::size_t most) { return most; };
    auto first = run_piece(spec, text, whole);
    REQUIRE(first.has_value());
    CHECK(first->bytes < text.size());
    CHECK(first->bytes > found_bytes_max / 2);
    CHECK(encode(*first).size() < 2 * found_bytes_max);
    auto joined = run_job(spec, text, whole, whole);
    REQUIRE(joined.has_value());
    CHECK((joined->lines == text)); // too long to print
    spec.line_numbers = true;
    joined = run_job(spec, text, whole, whole);
    REQUIRE(joined.has_value());
    CHECK((joined->lines == numbered));
  }
}

TEST_CASE("a line that is too long is refused wherever the file is cut, and the longest is not") {
  job_spec spec{job_kind::grep, "b"};
  auto whole = [](std::size_t most) { return std::min(most, block_bytes_max); };
  random_engine rng{1};
  for (auto* cut : {"none", "some"}) {
    auto pieces = std::string_view{cut} == "none" ? draw{[](std::size_t most) { return most; }}
                                                  : up_to(rng, 300'000);
    for (auto* before : {"", "x\n"}) {
      auto longest = before + std::string(line_bytes_max - 2, 'a') + "b\n";
      auto too_long = before + std::string(line_bytes_max - 1, 'a') + "b\nc\n";
      auto found = run_job(spec, longest + "c\n", pieces, whole);
      REQUIRE(found.has_value());
      CHECK(found->result.matches == 1);
      auto refused = run_job(spec, too_long, pieces, whole);
      REQUIRE(!refused.has_value());
      CHECK(refused.error().code == atl::errc::refused);
      CHECK(refused.error().message.find("a line of more than 1048576 bytes") == 0);
    }
  }
}

TEST_CASE("the result of another kind of job is no result") {
  auto joiner = result_joiner::make({job_kind::count}, nullptr);
  REQUIRE(joiner.has_value());
  auto added = joiner->add(piece_result{3, posix_checksum{1, 3}});
  REQUIRE(!added.has_value());
  CHECK(added.error().code == atl::errc::corrupt);
}

TEST_CASE("an error of whoever takes the lines ends the job") {
  job_spec spec{job_kind::grep, "a"};
  auto joiner = result_joiner::make(
      spec, [](auto, auto) { return atl::status{atl::fail(atl::errc::io, "the pipe is closed")}; });
  REQUIRE(joiner.has_value());
  found_lines found{"", true, "", 0, 1, {{0, "a"}}};
  auto added = joiner->add(piece_result{3, found});
  REQUIRE(!added.has_value());
  CHECK(added.error().code == atl::errc::io);
}

TEST_CASE("a result that was cut or changed is malformed") {
  found_lines found{"head", true, "tail", 7, 1, {{3, "line"}}};
  auto bytes = encode(piece_result{40, found});
  CHECK(decode_piece_result(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(!decode_piece_result(bytes.substr(0, size)).has_value());
  auto longer = bytes + "x";
  CHECK(!decode_piece_result(longer).has_value());
  bytes[8] = 3; // the kind of job
  CHECK(!decode_piece_result(bytes).has_value());
}
