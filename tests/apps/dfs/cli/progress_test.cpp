#include "cli/progress.hpp"
#include "contains.hpp"

#include <doctest/doctest.h>

using dfs::cli::progress_line;
using dfs::cli::transfer_state;

namespace {

constexpr std::uint64_t mib = 1 << 20;

transfer_state half_done() {
  transfer_state state;
  state.name = "/docs/report.txt";
  state.total = {1, 100 * mib};
  state.bytes_done = 50 * mib;
  state.elapsed = std::chrono::seconds{10};
  return state;
}

/// The columns of a text without wide characters.
std::size_t columns_of(const std::string& text) {
  std::size_t columns = 0;
  for (auto byte : text)
    columns += (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  return columns;
}

} // namespace

TEST_CASE("a progress line shows how much of the whole is done, and the time that is left") {
  auto line = progress_line(half_done(), 120);
  CHECK(contains(line, "/docs/report.txt ["));
  CHECK(contains(line, " 50% 50.0 MiB of 100.0 MiB, 0:10 left, 5.0 MiB/s"));
  CHECK_FALSE(contains(line, "files"));
}

TEST_CASE("a progress line of many files counts them") {
  auto state = half_done();
  state.total.files = 12;
  state.files_done = 3;
  CHECK(contains(progress_line(state, 150), ", 3 of 12 files"));
}

TEST_CASE("a progress line without a known total shows what is done, and how fast") {
  auto state = half_done();
  state.total.bytes = 0;
  CHECK(progress_line(state, 80) == "/docs/report.txt 50.0 MiB, 5.0 MiB/s");
}

TEST_CASE("a progress line fits into every terminal, and keeps the percentage to the last") {
  auto state = half_done();
  state.total.files = 12;
  state.name = std::string(50, 'n') + "жук" + std::string(50, 'n');
  for (std::size_t columns = 0; columns < 200; ++columns) {
    CAPTURE(columns);
    auto line = progress_line(state, columns);
    CHECK(columns_of(line) <= (columns > 0 ? columns - 1 : 0));
    CHECK((columns < 5 || contains(line, "50%")));
  }
}

TEST_CASE("a progress line cuts a name between characters, and counts two columns for wide ones") {
  auto state = half_done();
  state.total.bytes = 0;
  state.name = "日本語日本語日本語日本語日本語";
  auto line = progress_line(state, 40); // the figures and the space take 20 columns
  CHECK(line == "日本語日本語日本語… 50.0 MiB, 5.0 MiB/s");
}

TEST_CASE("a progress line escapes control characters in a name") {
  auto state = half_done();
  state.name = "/a\033]0;owned\007b";
  auto line = progress_line(state, 150);
  CHECK(contains(line, "/a\\x1b]0;owned\\x07b"));
}

TEST_CASE("a progress line of a file that grew stays at 100 percent") {
  auto state = half_done();
  state.bytes_done = 300 * mib;
  CHECK(contains(progress_line(state, 120), "100% 100.0 MiB of 100.0 MiB"));
}
