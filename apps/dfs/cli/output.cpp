#include "cli/output.hpp"

#include <atoll/core/printable_text.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <unistd.h>

namespace dfs::cli {

namespace {

constexpr int failed_code = 1;
constexpr int broken_pipe_code = 141; ///< 128 + SIGPIPE

int output_errno = 0;           ///< of the first failure; 0: none
std::mutex error_mutex;         ///< guards standard error, and what follows
std::size_t progress_lines = 0; ///< on the terminal
constexpr auto wipe_line = std::string_view{"\r\x1b[K"};
constexpr auto line_up = std::string_view{"\x1b[A"};

void write_raw_error(std::string_view text) {
  if (text.empty())
    return; // an empty view may point nowhere, which `fwrite` must not be given
  // Where standard error fails as well, no place is left to report it.
  std::ignore = std::fwrite(text.data(), 1, text.size(), stderr);
}

/// The cursor is behind the last line.
void wipe_progress() {
  for (std::size_t line = 0; line < progress_lines; ++line) {
    write_raw_error(wipe_line);
    if (line + 1 < progress_lines)
      write_raw_error(line_up);
  }
  progress_lines = 0;
}

} // namespace

void write_output(std::string_view text) {
  if (output_errno == 0 && !text.empty() &&
      std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    note_output_failure(errno);
}

atl::status write_to_output(std::string_view bytes) {
  std::fflush(stdout);
  while (!bytes.empty()) {
    auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      note_output_failure(errno);
      return tl::unexpected{atl::system_error(output_errno, "writing standard output")};
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void write_error(std::string_view text) {
  std::lock_guard lock{error_mutex};
  wipe_progress();
  write_raw_error(text);
}

void show_progress_lines(const std::vector<std::string>& lines) {
  std::lock_guard lock{error_mutex};
  wipe_progress();
  for (std::size_t line = 0; line < lines.size(); ++line) {
    if (line > 0)
      write_raw_error("\n");
    write_raw_error(lines[line]);
  }
  progress_lines = lines.size();
}

bool has_output_failed() {
  return output_errno != 0;
}

void note_output_failure(int error_number) {
  if (output_errno == 0)
    output_errno = error_number != 0 ? error_number : EIO;
}

int finish_output(int code) {
  if (std::fflush(stdout) != 0)
    note_output_failure(errno);
  else if (std::ferror(stdout) != 0)
    note_output_failure(EIO);
  if (output_errno == 0)
    return code;
  if (output_errno == EPIPE)
    return broken_pipe_code;
  print_error("dfs: writing standard output: {}\n", std::strerror(output_errno));
  return failed_code;
}

std::string display_name(std::string_view name) {
  return is_output_terminal() ? atl::printable(name) : std::string{name};
}

bool is_output_terminal() {
  static const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  return is_terminal;
}

} // namespace dfs::cli
